#include "pg/classify.hpp"

#include "pg/boundary.hpp"

extern "C" {
#include "commands/defrem.h"
#include "nodes/nodes.h"
}

namespace confiture::pg {

static RawStmt *parse_as_set(const char *text) {
    return call([&] {
        List *statements = pg_parse_query(text);
        if (list_length(statements) != 1)
            elog(ERROR, "expected one statement, found %d", list_length(statements));
        return linitial_node(RawStmt, statements);
    });
}

/* A script is cut into statements with standard_conforming_strings = on, whoever looks at it; the
 * server reads a statement by the setting in force.  Both must see the same. */
static bool reads_the_same(const char *text, RawStmt *parsed) {
    try {
        RawStmt *as_set = parse_as_set(text);
        return call([&] { return equal(parsed->stmt, as_set->stmt); });
    } catch (const error &raised) {
        if (raised.is_intervention())
            throw;
        return false;
    }
}

RawStmt *parse_statement(const char *text) {
    RawStmt *parsed = nullptr;
    {
        const standard_strings standard;
        parsed = parse_as_set(text);
    }
    if (!compat::standard_strings() && std::strchr(text, '\\') && !reads_the_same(text, parsed))
        throw failure{migration_invalid,
                      "a string with a backslash means something else while "
                      "standard_conforming_strings is off",
                      "A migration is read with the setting on, and the session runs it with the "
                      "setting off.",
                      "SET standard_conforming_strings = on, or write the string as E'...'."};
    return parsed;
}

static statement_kind kind_of_transaction_statement(const TransactionStmt *statement) {
    switch (statement->kind) {
    case TRANS_STMT_BEGIN:
    case TRANS_STMT_START:
        return statement_kind::begin;
    case TRANS_STMT_COMMIT:
        return statement->chain ? statement_kind::rollback : statement_kind::commit;
    case TRANS_STMT_SAVEPOINT:
        return statement_kind::savepoint;
    case TRANS_STMT_ROLLBACK_TO:
        return statement_kind::rollback_to;
    case TRANS_STMT_RELEASE:
        return statement_kind::release;
    default:
        return statement_kind::rollback;
    }
}

bool reindexes_concurrently(const ReindexStmt *statement) {
#if PG_VERSION_NUM >= 140000
    ListCell *cell;
    foreach (cell, statement->params) {
        auto *option = static_cast<DefElem *>(lfirst(cell));
        if (std::strcmp(option->defname, "concurrently") == 0)
            return defGetBoolean(option);
    }
    return false;
#else
    return statement->concurrent;
#endif
}

RangeVar *concurrently_detached(const AlterTableStmt *statement) {
#if PG_VERSION_NUM >= 140000
    ListCell *cell;
    foreach (cell, statement->cmds) {
        auto *command = static_cast<AlterTableCmd *>(lfirst(cell));
        if (command->subtype == AT_DetachPartition &&
            castNode(PartitionCmd, command->def)->concurrent)
            return castNode(PartitionCmd, command->def)->name;
    }
#else
    (void)statement;
#endif
    return nullptr;
}

/* Of the relation that the name finds now.  Raises nothing, whatever the caller may not see. */
static char kind_of_relation(const RangeVar *name) {
    const Oid schema = name->schemaname ? get_namespace_oid(name->schemaname, true) : InvalidOid;
    if (name->schemaname && !OidIsValid(schema))
        return 0;
    const Oid found = OidIsValid(schema) ? get_relname_relid(name->relname, schema)
                                         : RelnameGetRelid(name->relname);
    return OidIsValid(found) ? get_rel_relkind(found) : '\0';
}

/* Its partitions are processed each in a transaction of its own. */
static bool is_partitioned(const RangeVar *name) {
    const char kind = kind_of_relation(name);
    return kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_PARTITIONED_INDEX;
}

static bool option_is_false(List *options, const char *name) {
    ListCell *cell;
    foreach (cell, options) {
        auto *option = static_cast<DefElem *>(lfirst(cell));
        if (std::strcmp(option->defname, name) == 0)
            return !defGetBoolean(option);
    }
    return false;
}

static bool has_option(List *options, const char *name) {
    ListCell *cell;
    foreach (cell, options)
        if (std::strcmp(static_cast<DefElem *>(lfirst(cell))->defname, name) == 0)
            return true;
    return false;
}

static statement_kind kind_of_reindex(const ReindexStmt *statement) {
    const bool whole =
        statement->kind != REINDEX_OBJECT_INDEX && statement->kind != REINDEX_OBJECT_TABLE;
    // PostgreSQL 13 passes over what is partitioned, or refuses it.
    if (whole || (PG_VERSION_NUM >= 140000 && is_partitioned(statement->relation)))
        return statement_kind::top_level_only;
    return reindexes_concurrently(statement) ? statement_kind::concurrently : statement_kind::plain;
}

/* What changes the publisher, or looks there, cannot be rolled back. */
static bool leaves_the_server(const AlterSubscriptionStmt *statement) {
#if PG_VERSION_NUM >= 140000
    switch (statement->kind) {
    case compat::refresh_publication:
        return true;
    case ALTER_SUBSCRIPTION_SET_PUBLICATION:
    case ALTER_SUBSCRIPTION_ADD_PUBLICATION:
    case ALTER_SUBSCRIPTION_DROP_PUBLICATION:
        return !option_is_false(statement->options, "refresh");
    case ALTER_SUBSCRIPTION_OPTIONS: // those that are the slot's too
        return (PG_VERSION_NUM >= 170000 && has_option(statement->options, "failover")) ||
               (PG_VERSION_NUM >= 180000 && option_is_false(statement->options, "two_phase"));
    default:
        return false;
    }
#else
    (void)statement;
    return false;
#endif
}

/* The callers of PreventInTransactionBlock(). */
static statement_kind kind_of(Node *node) {
    const auto either = [](bool concurrently, bool top_level_only = false) {
        return concurrently     ? statement_kind::concurrently
               : top_level_only ? statement_kind::top_level_only
                                : statement_kind::plain;
    };
    switch (nodeTag(node)) {
    case T_TransactionStmt:
        return kind_of_transaction_statement(reinterpret_cast<TransactionStmt *>(node));
    case T_IndexStmt:
        return either(reinterpret_cast<IndexStmt *>(node)->concurrent);
    case T_DropStmt:
        return either(reinterpret_cast<DropStmt *>(node)->concurrent);
    case T_ReindexStmt:
        return kind_of_reindex(reinterpret_cast<ReindexStmt *>(node));
    case T_AlterTableStmt:
        return either(concurrently_detached(reinterpret_cast<AlterTableStmt *>(node)) != nullptr);
    case T_VacuumStmt:
        return either(false, reinterpret_cast<VacuumStmt *>(node)->is_vacuumcmd);
    case compat::cluster_tag: { // before PostgreSQL 15 what is partitioned is refused
        auto *statement = reinterpret_cast<compat::cluster_statement *>(node);
        const RangeVar *table = compat::table_of(statement);
        return either(false, !table || (PG_VERSION_NUM >= 150000 && is_partitioned(table)) ||
                                 has_option(compat::options_of(statement), "concurrently"));
    }
    case T_DiscardStmt:
        return either(false, reinterpret_cast<DiscardStmt *>(node)->target == DISCARD_ALL);
    case T_CreateSubscriptionStmt: {
        List *options = reinterpret_cast<CreateSubscriptionStmt *>(node)->options;
        return either(false, !option_is_false(options, "create_slot") &&
                                 !option_is_false(options, "connect"));
    }
    case T_AlterSubscriptionStmt:
        return either(false, leaves_the_server(reinterpret_cast<AlterSubscriptionStmt *>(node)));
    case T_VariableSetStmt: { // SET TRANSACTION ISOLATION LEVEL must be the first statement
        auto *statement = reinterpret_cast<VariableSetStmt *>(node);
        return either(false, statement->kind == VAR_SET_MULTI &&
                                 std::strcmp(statement->name, "TRANSACTION") == 0 &&
                                 (has_option(statement->args, "transaction_isolation") ||
                                  has_option(statement->args, "transaction_deferrable")));
    }
    case T_AlterDatabaseStmt:
        return either(
            false, has_option(reinterpret_cast<AlterDatabaseStmt *>(node)->options, "tablespace"));
    case T_AlterSystemStmt:
    case T_CreatedbStmt:
    case T_DropdbStmt:
    case T_CreateTableSpaceStmt:
    case T_DropTableSpaceStmt:
    case T_DropSubscriptionStmt:
        return statement_kind::top_level_only;
    default:
        return statement_kind::plain;
    }
}

classification classify(std::string_view text, memory_context &memory) {
    memory.reset();
    memory_scope scope(memory);
    const std::string terminated(text);
    Node *node = parse_statement(terminated.c_str())->stmt;
    return call([&]() -> classification {
        classification found;
        found.tag = CreateCommandTag(node);
        found.kind = kind_of(node);
        if (IsA(node, CopyStmt)) {
            auto *copy = reinterpret_cast<CopyStmt *>(node);
            found.copies_from_client = copy->is_from && !copy->filename;
            found.copies_to_client = !copy->is_from && !copy->filename;
        }
        return found;
    });
}

const char *tag_name(std::int32_t tag) { return GetCommandTagName(static_cast<CommandTag>(tag)); }

void make_plain(Node *node) {
    if (IsA(node, IndexStmt))
        reinterpret_cast<IndexStmt *>(node)->concurrent = false;
    else if (IsA(node, DropStmt))
        reinterpret_cast<DropStmt *>(node)->concurrent = false;
#if PG_VERSION_NUM >= 140000
    else if (IsA(node, ReindexStmt))
        reinterpret_cast<ReindexStmt *>(node)->params = NIL;
    else if (IsA(node, AlterTableStmt)) {
        ListCell *cell;
        foreach (cell, reinterpret_cast<AlterTableStmt *>(node)->cmds) {
            auto *command = static_cast<AlterTableCmd *>(lfirst(cell));
            if (command->subtype == AT_DetachPartition)
                reinterpret_cast<PartitionCmd *>(command->def)->concurrent = false;
        }
    }
#else
    else if (IsA(node, ReindexStmt))
        reinterpret_cast<ReindexStmt *>(node)->concurrent = false;
#endif
}

std::vector<oid> plain_list(const List *oids) {
    std::vector<oid> plain;
    const ListCell *cell;
    foreach (cell, oids)
        plain.push_back(lfirst_oid(cell));
    return plain;
}

static List *analyzed_relations(const VacuumStmt *statement) {
    List *relations = NIL;
    ListCell *cell;
    foreach (cell, statement->rels)
        relations = lappend(relations, lfirst_node(VacuumRelation, cell)->relation);
    return relations;
}

List *range_variables_of(Node *utility) {
    const auto one = [](RangeVar *relation) { return relation ? list_make1(relation) : NIL; };
    switch (nodeTag(utility)) {
    case T_AlterTableStmt:
        return one(reinterpret_cast<AlterTableStmt *>(utility)->relation);
    case T_CreateStmt: // its parents, of which a default partition is scanned
        return reinterpret_cast<CreateStmt *>(utility)->inhRelations;
    case T_IndexStmt:
        return one(reinterpret_cast<IndexStmt *>(utility)->relation);
    case T_ReindexStmt:
        return one(reinterpret_cast<ReindexStmt *>(utility)->relation);
    case compat::cluster_tag:
        return one(compat::table_of(reinterpret_cast<compat::cluster_statement *>(utility)));
    case T_CopyStmt:
        return one(reinterpret_cast<CopyStmt *>(utility)->relation);
    case T_RefreshMatViewStmt:
        return one(reinterpret_cast<RefreshMatViewStmt *>(utility)->relation);
    case T_LockStmt:
        return reinterpret_cast<LockStmt *>(utility)->relations;
    case T_VacuumStmt:
        return analyzed_relations(reinterpret_cast<VacuumStmt *>(utility));
    case T_TruncateStmt:
        return reinterpret_cast<TruncateStmt *>(utility)->relations;
    default:
        return NIL;
    }
}

std::vector<oid> relations_of(Node *utility) {
    std::vector<oid> relations;
    ListCell *cell;
    foreach (cell, call([&] { return range_variables_of(utility); }))
        if (const oid found = call([&] {
                return RangeVarGetRelid(static_cast<RangeVar *>(lfirst(cell)), NoLock, true);
            }))
            relations.push_back(found);
    return relations;
}

static std::string quoted(const RangeVar *relation) {
    if (!relation)
        return {};
    return call(
        [&] { return quote_qualified_identifier(relation->schemaname, relation->relname); });
}

static std::string text_or_empty(const char *text) { return text ? text : ""; }

/* DROP INDEX CONCURRENTLY takes one index. */
static std::string first_name(const DropStmt *statement) {
    return quoted(call([&] {
        return makeRangeVarFromNameList(static_cast<List *>(linitial(statement->objects)));
    }));
}

/* Columns and constraints that are added, and a partition that is detached. */
static std::vector<std::string> names_changed(const AlterTableStmt *statement) {
    std::vector<std::string> names;
    ListCell *cell;
    foreach (cell, statement->cmds) {
        auto *command = static_cast<AlterTableCmd *>(lfirst(cell));
        if (command->subtype == AT_AddColumn && IsA(command->def, ColumnDef))
            names.emplace_back(reinterpret_cast<ColumnDef *>(command->def)->colname);
        if (command->subtype == AT_DetachPartition)
            names.emplace_back(castNode(PartitionCmd, command->def)->name->relname);
        if (command->subtype == AT_AddConstraint && IsA(command->def, Constraint))
            if (const char *name = reinterpret_cast<Constraint *>(command->def)->conname)
                names.emplace_back(name);
    }
    return names;
}

/* As ChooseIndexName() begins: table_column_column_idx. */
static std::string default_name(const IndexStmt *statement) {
    std::string name = statement->relation->relname;
    ListCell *cell;
    foreach (cell, statement->indexParams) {
        const char *column = lfirst_node(IndexElem, cell)->name;
        name += std::string("_") + (column ? column : "expr");
    }
    return name + "_idx";
}

static void read_transaction_statement(const TransactionStmt *statement, statement_facts &facts) {
    facts.savepoint = text_or_empty(statement->savepoint_name);
    facts.has_transaction_modes = statement->options != NIL;
    if (statement->chain)
        facts.ending = transaction_ending::chained;
    else if (statement->gid)
        facts.ending = transaction_ending::prepared;
}

statement_facts facts_of(std::string_view statement) {
    memory_context memory("confiture statement");
    memory_scope scope(memory);
    const std::string terminated(statement);
    Node *node = parse_statement(terminated.c_str())->stmt;
    statement_facts facts;
    switch (nodeTag(node)) {
    case T_TransactionStmt:
        read_transaction_statement(reinterpret_cast<TransactionStmt *>(node), facts);
        break;
    case T_AlterEnumStmt: {
        auto *tree = reinterpret_cast<AlterEnumStmt *>(node);
        facts.enum_type = strVal(llast(tree->typeName));
        if (!tree->oldVal)
            facts.enum_label = text_or_empty(tree->newVal);
        break;
    }
    case T_CreateEnumStmt:
        facts.enum_type = strVal(llast(reinterpret_cast<CreateEnumStmt *>(node)->typeName));
        break;
    case T_IndexStmt: {
        auto *tree = reinterpret_cast<IndexStmt *>(node);
        facts.relation = quoted(tree->relation);
        facts.makes.push_back(tree->idxname ? tree->idxname : default_name(tree));
        facts.table = tree->relation->relname;
        facts.tolerant = tree->if_not_exists;
        break;
    }
    case T_DropStmt: { // what is not dropped is in the way of its successor
        auto *tree = reinterpret_cast<DropStmt *>(node);
        if (tree->removeType == OBJECT_INDEX) {
            facts.relation = first_name(tree);
            facts.relation_is_index = true;
            facts.makes.emplace_back(strVal(llast(linitial_node(List, tree->objects))));
        }
        break;
    }
    case T_ReindexStmt: {
        auto *tree = reinterpret_cast<ReindexStmt *>(node);
        facts.relation = quoted(tree->relation);
        facts.relation_is_index = tree->kind == REINDEX_OBJECT_INDEX;
        break;
    }
    case T_AlterTableStmt:
        facts.relation = quoted(reinterpret_cast<AlterTableStmt *>(node)->relation);
        facts.makes = names_changed(reinterpret_cast<AlterTableStmt *>(node));
        break;
    case T_RenameStmt:
        facts.makes.emplace_back(reinterpret_cast<RenameStmt *>(node)->newname);
        break;
    case T_CreateStmt:
        facts.makes.emplace_back(reinterpret_cast<CreateStmt *>(node)->relation->relname);
        break;
    case T_CreateTableAsStmt:
        facts.makes.emplace_back(reinterpret_cast<CreateTableAsStmt *>(node)->into->rel->relname);
        break;
    case T_ViewStmt:
        facts.makes.emplace_back(reinterpret_cast<ViewStmt *>(node)->view->relname);
        break;
    case T_CreateFunctionStmt:
        facts.makes.emplace_back(
            strVal(llast(reinterpret_cast<CreateFunctionStmt *>(node)->funcname)));
        break;
    case T_CreateTrigStmt:
        facts.makes.emplace_back(reinterpret_cast<CreateTrigStmt *>(node)->trigname);
        break;
    case T_CreatedbStmt:
        facts.makes.emplace_back(reinterpret_cast<CreatedbStmt *>(node)->dbname);
        break;
    case T_CreateTableSpaceStmt:
        facts.makes.emplace_back(reinterpret_cast<CreateTableSpaceStmt *>(node)->tablespacename);
        break;
    case T_CreateSubscriptionStmt:
        facts.makes.emplace_back(reinterpret_cast<CreateSubscriptionStmt *>(node)->subname);
        break;
    default:
        break;
    }
    return facts;
}

} // namespace confiture::pg
