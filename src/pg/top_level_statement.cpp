#include "pg/top_level_statement.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/compat.hpp"
#include "pg/parse.hpp"

extern "C" {
#include "commands/defrem.h"
}

namespace confiture::pg {

namespace {

std::string text_or_empty(const char *text) { return text ? text : ""; }

std::string quoted(const RangeVar *relation) {
    return call(
        [&] { return quote_qualified_identifier(relation->schemaname, relation->relname); });
}

std::vector<std::string> texts(const List *strings) {
    std::vector<std::string> read;
    const ListCell *cell;
    foreach (cell, strings)
        read.emplace_back(strVal(lfirst(cell)));
    return read;
}

using kind = top_level_kind;

void read(const DropStmt *statement, top_level_statement &facts) {
    if (statement->removeType != OBJECT_INDEX || !statement->concurrent ||
        list_length(statement->objects) != 1) // the server takes one at a time
        return;
    facts.kind = kind::drop_index;
    facts.tolerant = statement->missing_ok;
    facts.relation = quoted(
        call([&] { return makeRangeVarFromNameList(linitial_node(List, statement->objects)); }));
}

void read(const IndexStmt *statement, top_level_statement &facts) {
    if (!statement->concurrent)
        return;
    facts.kind = kind::create_index;
    facts.tolerant = statement->if_not_exists;
    facts.relation = quoted(statement->relation);
    facts.name = text_or_empty(statement->idxname);
}

void read(const ReindexStmt *statement, top_level_statement &facts) {
    switch (statement->kind) {
    case REINDEX_OBJECT_INDEX:
        facts.kind = kind::reindex_index;
        break;
    case REINDEX_OBJECT_TABLE:
        facts.kind = kind::reindex_table;
        break;
    case REINDEX_OBJECT_SCHEMA:
        facts.kind = kind::reindex_schema;
        break;
    default:
        facts.kind = kind::reindex_database;
    }
    facts.concurrently = reindexes_concurrently(statement);
    if (statement->relation)
        facts.relation = quoted(statement->relation);
    facts.name = text_or_empty(statement->name);
}

void read(const AlterTableStmt *statement, top_level_statement &facts) {
    const RangeVar *partition = concurrently_detached(statement);
    if (!partition)
        return;
    facts.kind = kind::detach_partition;
    facts.tolerant = statement->missing_ok;
    facts.relation = quoted(statement->relation);
    facts.partition = quoted(partition);
}

void read(const AlterDatabaseStmt *statement, top_level_statement &facts) {
    ListCell *cell;
    foreach (cell, statement->options) {
        auto *option = static_cast<DefElem *>(lfirst(cell));
        if (std::strcmp(option->defname, "tablespace") != 0)
            continue;
        facts.kind = kind::move_database;
        facts.name = statement->dbname;
        facts.new_tablespace = call([&] { return defGetString(option); });
    }
}

void read(const AlterSubscriptionStmt *statement, top_level_statement &facts) {
    facts.name = statement->subname;
    facts.publications = texts(statement->publication);
#if PG_VERSION_NUM >= 140000
    if (statement->kind == ALTER_SUBSCRIPTION_ADD_PUBLICATION)
        facts.kind = kind::add_publication;
    else if (statement->kind == ALTER_SUBSCRIPTION_DROP_PUBLICATION)
        facts.kind = kind::drop_publication;
    else
#endif
        facts.kind = kind::repeatable; // sets, or reads again, what it names
}

/* What is told by one name, and whether IF (NOT) EXISTS stands before it. */
void name(top_level_statement &facts, top_level_kind kind, const char *name,
          bool tolerant = false) {
    facts.kind = kind;
    facts.name = name;
    facts.tolerant = tolerant;
}

void read(Node *node, top_level_statement &facts) {
    switch (nodeTag(node)) {
    case T_IndexStmt:
        return read(reinterpret_cast<IndexStmt *>(node), facts);
    case T_DropStmt:
        return read(reinterpret_cast<DropStmt *>(node), facts);
    case T_ReindexStmt:
        return read(reinterpret_cast<ReindexStmt *>(node), facts);
    case T_AlterTableStmt:
        return read(reinterpret_cast<AlterTableStmt *>(node), facts);
    case T_AlterDatabaseStmt:
        return read(reinterpret_cast<AlterDatabaseStmt *>(node), facts);
    case T_AlterSubscriptionStmt:
        return read(reinterpret_cast<AlterSubscriptionStmt *>(node), facts);
    case T_CreatedbStmt:
        return name(facts, kind::create_database, reinterpret_cast<CreatedbStmt *>(node)->dbname);
    case T_DropdbStmt: {
        auto *statement = reinterpret_cast<DropdbStmt *>(node);
        return name(facts, kind::drop_database, statement->dbname, statement->missing_ok);
    }
    case T_CreateTableSpaceStmt:
        return name(facts, kind::create_tablespace,
                    reinterpret_cast<CreateTableSpaceStmt *>(node)->tablespacename);
    case T_DropTableSpaceStmt: {
        auto *statement = reinterpret_cast<DropTableSpaceStmt *>(node);
        return name(facts, kind::drop_tablespace, statement->tablespacename, statement->missing_ok);
    }
    case T_CreateSubscriptionStmt:
        return name(facts, kind::create_subscription,
                    reinterpret_cast<CreateSubscriptionStmt *>(node)->subname);
    case T_DropSubscriptionStmt: {
        auto *statement = reinterpret_cast<DropSubscriptionStmt *>(node);
        return name(facts, kind::drop_subscription, statement->subname, statement->missing_ok);
    }
    case T_VacuumStmt:
    case compat::cluster_tag:
    case T_RefreshMatViewStmt:
    case T_AlterSystemStmt:
    case T_CheckPointStmt:
    case T_DiscardStmt:
    case T_VariableSetStmt:
        facts.kind = kind::repeatable;
        return;
    default:
        return;
    }
}

} // namespace

bool waits_for_transactions(const top_level_statement &facts) {
    return facts.concurrently || facts.kind == kind::create_index ||
           facts.kind == kind::drop_index || facts.kind == kind::detach_partition;
}

top_level_statement read_top_level_statement(std::string_view statement) {
    memory_context memory("confiture statement");
    memory_scope scope(memory);
    const std::string terminated(statement);
    Node *node = parse_statement(terminated.c_str())->stmt;
    top_level_statement facts;
    facts.command = call([&] { return GetCommandTagName(CreateCommandTag(node)); });
    read(node, facts);
    return facts;
}

} // namespace confiture::pg
