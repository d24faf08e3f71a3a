#pragma once
/* What a statement that runs outside of transactions is about, in plain values. */
#include "pg/plain.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace confiture::pg {

enum class top_level_kind : std::uint8_t {
    create_index, // CONCURRENTLY
    drop_index,   // CONCURRENTLY
    reindex_index,
    reindex_table,
    reindex_schema,
    reindex_database, // SYSTEM too
    detach_partition, // CONCURRENTLY
    create_database,
    drop_database,
    move_database, // ALTER DATABASE … SET TABLESPACE
    create_tablespace,
    drop_tablespace,
    create_subscription,
    drop_subscription,
    add_publication, // ALTER SUBSCRIPTION … ADD PUBLICATION
    drop_publication,
    repeatable, // the same when it runs twice, and no trace in the catalog: VACUUM, ALTER SYSTEM …
    other,
};

struct top_level_statement {
    top_level_kind kind = top_level_kind::other;
    std::string command;        // its tag: CREATE INDEX
    bool tolerant = false;      // IF EXISTS, IF NOT EXISTS
    bool concurrently = false;  // of the REINDEX kinds
    std::string relation;       // quoted, as written: the table, or the index that is named
    std::string partition;      // quoted, as written
    std::string name;           // unquoted: new index, schema, database, tablespace, subscription
    std::string new_tablespace; // unquoted: that a database moves to
    std::vector<std::string> publications; // unquoted
};

/* It waits for the end of other transactions, again and again, and holds no lock meanwhile that
 * keeps who reads or writes waiting. */
bool waits_for_transactions(const top_level_statement &facts);

/* Throws pg::error for what the server does not parse. */
top_level_statement read_top_level_statement(std::string_view statement);

} // namespace confiture::pg
