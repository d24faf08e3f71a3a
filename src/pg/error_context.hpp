#pragma once
/* Where an error of the server happened, told in its CONTEXT. */
#include "pg/plain.hpp"

#include "pg/error.hpp"

#include <string>

namespace confiture::pg {

/* Adds a line to the error's context, where there is memory for it. */
void add_context(const error &raised, const std::string &line) noexcept;

} // namespace confiture::pg
