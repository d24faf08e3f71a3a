#pragma once
/* What kind of statement a parse tree is. */
#include "pg/postgres.hpp"

#include "pg/catalog.hpp"
#include "pg/compat.hpp"
#include "pg/memory.hpp"
#include "pg/outside_effects.hpp"
#include "pg/parse.hpp"

namespace confiture::pg {

struct classification {
    std::int32_t tag = 0;
    statement_kind kind = statement_kind::plain;
    bool copies_from_client = false, copies_to_client = false;
};

/* Parses one statement; `memory` is emptied again.  Whether a table that is clustered or reindexed
 * is partitioned is told by the catalog and the search_path as they are now.  Throws pg::error for
 * a syntax error. */
classification classify(std::string_view text, memory_context &memory);

/* While it lives, the server parses with standard_conforming_strings = on. */
class standard_strings {
public:
    standard_strings() { compat::set_standard_strings(true); }
    standard_strings(const standard_strings &) = delete;
    standard_strings &operator=(const standard_strings &) = delete;
    ~standard_strings() { compat::set_standard_strings(before_); }

private:
    const bool before_ = compat::standard_strings();
};

/* The parse tree of one statement, in the current memory context.  Throws
 * failure{migration_invalid} where the session would read it in another way. */
RawStmt *parse_statement(const char *text);

std::vector<oid> plain_list(const List *oids);

/* The relations that a utility statement names first of all: those that it alters, indexes, copies.
 */
std::vector<oid> relations_of(Node *utility);
List *range_variables_of(Node *utility);

/* See outside_effects.hpp. */
outside_effect outside_effect_of_node(Node *utility);

bool reindexes_concurrently(const ReindexStmt *statement);

/* The partition that an ALTER TABLE detaches CONCURRENTLY; null where it does not. */
RangeVar *concurrently_detached(const AlterTableStmt *statement);

/* Makes the plain form of a statement of kind `concurrently`. */
void make_plain(Node *node);

} // namespace confiture::pg
