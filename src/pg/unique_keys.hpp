#pragma once
/* What a CREATE UNIQUE INDEX asks of the rows, as a query. */
#include "pg/plain.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace confiture::pg {

struct unique_keys {
    bool unique = false;
    std::string columns; // as the server's message names them
    /* Up to five keys that several rows share, as text.  Empty where an operator class has an
     * equality of its own. */
    std::string shared_keys_query;
};

/* By the server's own analysis with the search_path in force.  Takes AccessShareLock on the table;
 * runs the input functions of constants' types.  Throws pg::error where the statement would fail.
 */
unique_keys unique_keys_of(std::string_view create_index, std::uint32_t table);

} // namespace confiture::pg
