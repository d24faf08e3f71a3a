#pragma once
/* What of a script counts for its checksum. */
#include "pg/plain.hpp"

#include <string>
#include <string_view>

namespace confiture::migration {

/* The script with LF line ends, without trailing blanks and tabs on its lines, without empty lines
 * at its end and without a byte order mark.  Nothing else is ignored. */
std::string normalise(std::string_view script);

} // namespace confiture::migration
