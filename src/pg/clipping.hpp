#pragma once
/* The beginning of a long text, cut at a character of this database's encoding. */
#include "pg/plain.hpp"

#include <string>
#include <string_view>

namespace confiture::pg {

/* At most so many bytes, or characters; an ellipsis stands for what is left out. */
std::string first_bytes(std::string_view text, std::size_t most);
std::string first_characters(std::string_view text, std::size_t most);

} // namespace confiture::pg
