#pragma once
/* The definition of an index, its name aside, as one text: that of a statement and that of the
 * catalog are equal where the statement made the index. */
#include "pg/plain.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace confiture::pg {

/* That of the index which a CREATE INDEX on this table would make, by the server's own analysis
 * with the search_path in force.  Runs what the statement itself runs first: the input functions of
 * its constants' types.  Takes AccessShareLock on the table.  Throws pg::error where the statement
 * would fail. */
std::string index_definition(std::string_view create_index, std::uint32_t table);

/* That of an index that is there: an expression over pg_index i, for pg::query(). */
extern const char *const index_definition_sql;

} // namespace confiture::pg
