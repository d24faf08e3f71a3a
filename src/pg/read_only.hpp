#pragma once
/* Where nothing can be written. */
#include "pg/plain.hpp"

#include "pg/error.hpp"

#include <string>

namespace confiture::pg {

/* The server's own state, for what it would refuse itself without saying what to do. */
inline constexpr sqlstate read_only_transaction{"25006"};

/* Throws failure{state} on a standby and in a read-only transaction: "cannot migrate …". */
void refuse_where_read_only(const std::string &act, sqlstate state = read_only_transaction);

} // namespace confiture::pg
