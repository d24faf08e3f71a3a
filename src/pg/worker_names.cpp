#include "pg/worker_names.hpp"

#include "pg/boundary.hpp"
#include "pg/catalog.hpp"
#include "pg/classify.hpp"
#include "pg/index_definition.hpp"
#include "pg/memory.hpp"
#include "pg/prediction/tree_walkers.hpp"
#include "pg/query.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "parser/parse_type.h"
}

namespace confiture::pg {

namespace {

/* The names of relations that the search_path finds. */
List *names_of(Node *node) {
    switch (nodeTag(node)) {
    case T_DropStmt: {
        auto *statement = reinterpret_cast<DropStmt *>(node);
        List *names = NIL;
        ListCell *cell;
        if (statement->removeType == OBJECT_INDEX)
            foreach (cell, statement->objects)
                names = lappend(names, makeRangeVarFromNameList(lfirst_node(List, cell)));
        return names;
    }
    case T_AlterTableStmt: {
        auto *statement = reinterpret_cast<AlterTableStmt *>(node);
        List *names = list_make1(statement->relation);
        if (RangeVar *partition = concurrently_detached(statement))
            names = lappend(names, partition);
        return names;
    }
    default:
        return range_variables_of(node);
    }
}

[[noreturn]] void refuse(std::string detail, std::string hint) {
    throw failure{not_transactional,
                  "the statement cannot run outside of the session that has its objects",
                  std::move(detail), std::move(hint)};
}

constexpr const char *runs_elsewhere =
    "It runs in a background worker, which has no temporary objects of this session.";

/* The schema of a name is written: pg_temp, or its own name, which nobody else may give. */
bool is_in_temporary_schema(const List *name) {
    return list_length(name) > 1 && std::strncmp(strVal(linitial(name)), "pg_temp", 7) == 0;
}

/* Types can be temporary without a schema in their name; functions, operators, collations and
 * operator classes only with it. */
bool is_temporary(Node *node) {
    switch (nodeTag(node)) {
    case T_TypeName: {
        auto *name = reinterpret_cast<TypeName *>(node);
        Type type = LookupTypeName(nullptr, name, nullptr, true);
        if (!type)
            return false;
        const Oid schema = reinterpret_cast<Form_pg_type>(GETSTRUCT(type))->typnamespace;
        ReleaseSysCache(type);
        return isAnyTempNamespace(schema);
    }
    case T_FuncCall:
        return is_in_temporary_schema(reinterpret_cast<FuncCall *>(node)->funcname);
    case T_A_Expr:
        return is_in_temporary_schema(reinterpret_cast<A_Expr *>(node)->name);
    case T_CollateClause:
        return is_in_temporary_schema(reinterpret_cast<CollateClause *>(node)->collname);
    default:
        return false;
    }
}

bool find_temporary(Node *node, void *context) {
    if (!node)
        return false;
    if (is_temporary(node))
        return true;
    return walk_raw(node, find_temporary, context);
}

bool uses_temporary(const IndexStmt *statement) {
    return call([&] {
        ListCell *cell;
        foreach (cell, statement->indexParams) {
            auto *element = lfirst_node(IndexElem, cell);
            if (is_in_temporary_schema(element->collation) ||
                is_in_temporary_schema(element->opclass) || find_temporary(element->expr, nullptr))
                return true;
        }
        return find_temporary(statement->whereClause, nullptr);
    });
}

/* Temporary relations that hide others of their names. */
bool has_hiding_relations() {
    return query("SELECT pg_my_temp_schema() <> 0")[0][0] == "t" &&
           !query("SELECT FROM pg_class c WHERE c.relnamespace = pg_my_temp_schema() AND EXISTS "
                  "(SELECT FROM pg_class p JOIN pg_namespace n ON n.oid = p.relnamespace "
                  "WHERE p.relname = c.relname AND n.nspname <> 'information_schema' AND "
                  "n.nspname !~ '^pg_t') LIMIT 1")
                .empty();
}

/* What is not a question of names. */
void refuse_what_looks_elsewhere(Node *node) {
    if (IsA(node, DiscardStmt))
        refuse("DISCARD ALL would discard what the background worker has, and nothing of this "
               "session.",
               "Use RESET ALL, RESET ROLE, DEALLOCATE ALL, DISCARD TEMP.");
    if ((IsA(node, CallStmt) || IsA(node, DoStmt)) && has_hiding_relations())
        refuse(std::string("Its code may name one of the temporary tables that hide permanent ones "
                           "of the same name.  ") +
                   runs_elsewhere,
               "Drop them before it, or CALL it in a session that has none.");
}

std::string quoted(const RangeVar *name) {
    return call([&] { return quote_qualified_identifier(name->schemaname, name->relname); });
}

/* One after the other, 0 for what is not there. */
std::vector<std::pair<RangeVar *, oid>> found_by(Node *node, LOCKMODE mode) {
    std::vector<std::pair<RangeVar *, oid>> found;
    const List *names = call([&] { return names_of(node); });
    const ListCell *cell;
    foreach (cell, names)
        if (auto *name = static_cast<RangeVar *>(lfirst(cell)))
            found.emplace_back(name, call([&] { return RangeVarGetRelid(name, mode, true); }));
    return found;
}

void refuse_temporary(Node *node) {
    refuse_what_looks_elsewhere(node);
    for (const auto &[name, relation] : found_by(node, NoLock)) {
        const oid found = relation;
        if (found != 0 && call([&] { return isAnyTempNamespace(get_rel_namespace(found)); }))
            refuse(quoted(name) + " is temporary here.  " + runs_elsewhere,
                   "Leave out CONCURRENTLY, or name the permanent one with its schema.");
    }
    if (IsA(node, IndexStmt) && uses_temporary(reinterpret_cast<IndexStmt *>(node)))
        refuse(std::string("The index is made with what is temporary here.  ") + runs_elsewhere,
               "Use what is permanent.");
}

/* Relations by their OIDs, and what an index is made of as a text that names all it uses. */
std::string found_now(Node *node, std::string_view text, LOCKMODE mode) {
    std::string found;
    for (const auto &[name, relation] : found_by(node, mode))
        found += std::to_string(relation) + " ";
    if (IsA(node, IndexStmt)) {
        const RangeVar *table = reinterpret_cast<IndexStmt *>(node)->relation;
        if (const oid indexed = call([&] { return RangeVarGetRelid(table, NoLock, true); }))
            found += index_definition(text, indexed);
    }
    return found;
}

} // namespace

void refuse_temporary_names(std::string_view statement) {
    memory_context memory("confiture names");
    memory_scope scope(memory);
    const std::string terminated(statement);
    refuse_temporary(parse_statement(terminated.c_str())->stmt);
}

std::string resolve_names(std::string_view statement) {
    memory_context memory("confiture names");
    memory_scope scope(memory);
    const std::string terminated(statement);
    Node *node = parse_statement(terminated.c_str())->stmt;
    refuse_temporary(node);
    return found_now(node, statement, NoLock);
}

void check_names(std::string_view statement, const std::string &resolved) {
    memory_context memory("confiture names");
    memory_scope scope(memory);
    const std::string terminated(statement);
    Node *node = parse_statement(terminated.c_str())->stmt;
    // VACUUM resolves its names once, and may have to pass over what is locked.
    if (found_now(node, statement, IsA(node, VacuumStmt) ? NoLock : AccessShareLock) != resolved)
        throw failure{repair_needed, "the names of the statement mean something else meanwhile",
                      "Something was renamed, dropped or made after they were looked up.  Nothing "
                      "was run.",
                      "Look whether it means what it should, then go on."};
}

} // namespace confiture::pg
