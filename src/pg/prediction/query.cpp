/* SELECT, INSERT, UPDATE, DELETE, MERGE and COPY: what they name, and what views and rules add. */
#include "pg/boundary.hpp"
#include "pg/compat.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/expressions.hpp"
#include "pg/prediction/predictor.hpp"
#include "pg/prediction/query_reading.hpp"
#include "pg/prediction/tree_walkers.hpp"

#include <algorithm>

extern "C" {
#include "catalog/indexing.h"
#include "catalog/pg_language.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "parser/parse_type.h"
#include "parser/parsetree.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteDefine.h"
#include "utils/rls.h"
}

namespace confiture::pg {

bool function_runs_code(Oid function) {
    if (function < FirstNormalObjectId)
        return false;
    return call([&] {
        HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
        if (!HeapTupleIsValid(tuple))
            return false;
        const Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
        ReleaseSysCache(tuple);
        return language != INTERNALlanguageId && language != ClanguageId;
    });
}

static bool any_function_runs_code(Oid function, void *) { return function_runs_code(function); }

namespace {

struct code_search {
    List *types = NIL; // of literals and of domains that are converted to
};

} // namespace

static bool finds_code(Node *node, void *argument) {
    if (!node)
        return false;
    if (IsA(node, RangeTblEntry)) // what it holds is visited next
        return false;
    if (check_functions_in_node(node, any_function_runs_code, nullptr))
        return true;
    auto *search = static_cast<code_search *>(argument);
    if (IsA(node, Param) || IsA(node, CoerceToDomain))
        search->types = list_append_unique_oid(search->types, exprType(node));
    if (IsA(node, Query))
        return walk_query(reinterpret_cast<Query *>(node), finds_code, argument);
    return walk_expression(node, finds_code, argument);
}

static bool any_type_runs_code(const List *types) {
    const ListCell *cell;
    foreach (cell, types)
        if (type_runs_code(lfirst_oid(cell)))
            return true;
    return false;
}

bool runs_code(Node *expression) {
    code_search search;
    return expression && (call([&] { return finds_code(expression, &search); }) ||
                          any_type_runs_code(search.types));
}

bool any_function_runs_code(List *name) {
    FuncCandidateList candidates = call([&] { return compat::functions_named(name); });
    for (; candidates; candidates = candidates->next)
        if (function_runs_code(candidates->oid))
            return true;
    return false;
}

/* The functions of this name, whatever their arguments, and those that the script makes. */
bool predictor::may_run_code(const FuncCall *called) const {
    return book_.makes_function(strVal(llast(called->funcname))) ||
           any_function_runs_code(called->funcname);
}

/* The operators of this name, whatever their arguments. */
static bool operator_runs_code(const A_Expr *expression) {
    FuncCandidateList candidates = call([&] { return compat::operators_named(expression->name); });
    for (; candidates; candidates = candidates->next)
        if (function_runs_code(call([&] { return get_opcode(candidates->oid); })))
            return true;
    return false;
}

namespace {

/* The relations that an analysed query names. */
struct range_entries {
    Oid of; // the view or table whose rule it is: OLD and NEW stand for it
    std::vector<const RangeTblEntry *> entries;
};

bool collect_entries(Node *node, void *argument) {
    auto *found = static_cast<range_entries *>(argument);
    if (!node)
        return false;
    if (IsA(node, RangeTblEntry)) {
        auto *entry = reinterpret_cast<RangeTblEntry *>(node);
        if (entry->rtekind == RTE_RELATION && entry->relid != found->of)
            found->entries.push_back(entry);
        return false;
    }
    if (IsA(node, Query))
        return walk_query(reinterpret_cast<Query *>(node), collect_entries, argument);
    return walk_expression(node, collect_entries, argument);
}

} // namespace

/* The planner locks what inherits; of partitions, those that no condition rules out. */
void predictor::read_children(Oid parent, LOCKMODE mode, bool filtered) {
    effect what = read_by_plan(mode);
    if (filtered && kind_of(parent) == RELKIND_PARTITIONED_TABLE) {
        what.locks = likely;
        what.reason = "partitions that a condition rules out are not locked";
    }
    inheritors(parent, what);
}

/* The tables that the policies of a row-secured table name. */
void predictor::read_by_policies(Oid table) {
    if (book_.is_made(table) ||
        call([&] { return check_enable_rls(table, InvalidOid, true); }) != RLS_ENABLED)
        return;
    struct row {
        Oid policy;
    };
    for (const row &one :
         catalog_rows<row>(PolicyRelationId, PolicyPolrelidPolnameIndexId,
                           {{Anum_pg_policy_polrelid, table}}, [](HeapTuple tuple, row &found) {
                               found.policy =
                                   reinterpret_cast<Form_pg_policy>(GETSTRUCT(tuple))->oid;
                               return true;
                           }))
        for (const dependent &named : dependencies_of(PolicyRelationId, one.policy))
            if (named.class_id == RelationRelationId && named.object_id != table)
                relation(named.object_id,
                         perhaps(AccessShareLock, "a policy of row security names it"));
}

/* What the statement reads to keep is read by one plan or another. */
void predictor::read_rows_since(std::size_t first) {
    static const char *const chosen = "the planner chooses how it is read";
    for (std::size_t i = first; i < found_.size(); i++) {
        prediction &one = found_[i];
        if (one.relation == InvalidOid || one.mode > RowShareLock || !has_storage(one.relation))
            continue;
        one.scans = {true, likely};
        if (one.reason.find(chosen) == std::string::npos)
            one.reason += (one.reason.empty() ? "" : "; ") + std::string(chosen);
    }
}

void predictor::expand_query(Oid of, Query *query, bool for_update) {
    range_entries found{of, {}};
    call([&] { walk_query(query, collect_entries, &found); });
    for (const RangeTblEntry *entry : found.entries) {
        const LOCKMODE mode =
            for_update ? std::max(RowShareLock, entry->rellockmode) : entry->rellockmode;
        relation(entry->relid, read_by_plan(mode));
        if (entry->relkind == RELKIND_VIEW) {
            expand_rules(entry->relid, CMD_SELECT, for_update);
            read_made(entry->relid, mode);
        } else if (entry->inh)
            read_children(entry->relid, mode, true);
    }
    if (runs_code(reinterpret_cast<Node *>(query)))
        unknown("a view or rule calls a function that runs code");
}

/* A view's query, or what the rules of a table add to an event. */
void predictor::expand_rules(Oid oid, CmdType event, bool for_update) {
    cached_relation opened(oid);
    if (!opened || !opened->rd_rules)
        return;
    for (int i = 0; i < opened->rd_rules->numLocks; i++) {
        const RewriteRule *rule = opened->rd_rules->rules[i];
        if (rule->event != event || rule->enabled == RULE_DISABLED)
            continue;
        ListCell *cell;
        foreach (cell, rule->actions)
            expand_query(oid, static_cast<Query *>(lfirst(cell)), for_update);
    }
}

void predictor::read(const query_reading &reading, depth how) {
    for (const query_reading::mention &one : reading.relations) {
        const Oid oid = named(one.relation, read_by_plan(one.mode));
        if (!OidIsValid(oid) || how == depth::analysed)
            continue;
        if (kind_of(oid) == RELKIND_VIEW) {
            expand_rules(oid, CMD_SELECT, one.mode >= RowShareLock);
            read_made(oid, one.mode);
        } else if (one.relation->inh && how >= depth::planned)
            read_children(oid, one.mode, one.filtered);
        read_by_policies(oid);
        if (how >= depth::planned && kind_of(oid) == RELKIND_PARTITIONED_TABLE)
            bounds_of_partition(oid);
    }
    for (const TypeName *name : reading.types) // literals are read while they are analysed
        if (type_runs_code(call([&] { return LookupTypeNameOid(nullptr, name, true); })))
            return unknown("a domain is checked by a function that runs code");
    if (how == depth::analysed)
        return;
    for (const A_Expr *expression : reading.operators)
        if (operator_runs_code(expression))
            return unknown(std::string("the operator ") + strVal(llast(expression->name)) +
                           " runs code");
    for (const FuncCall *called : reading.functions)
        note_set_config(called, how == depth::executed && reading.relations.empty());
    for (const FuncCall *called : reading.functions)
        if (may_run_code(called)) {
            unknown(std::string("the function ") + strVal(llast(called->funcname)) + " runs code");
            return;
        }
}

void predictor::query(Node *node, depth how) {
    if (!node)
        return;
    const query_reading reading = read_query(node);
    read(reading, how);
    for (Node *write : reading.writes)
        written(write, how);
}

void predictor::written(Node *node, depth how) {
    const RangeVar *target = nullptr;
    CmdType event = CMD_INSERT;
    row_event rows{};
    switch (nodeTag(node)) {
    case T_InsertStmt: {
        auto *insert = reinterpret_cast<InsertStmt *>(node);
        target = insert->relation;
        rows.inserts = true;
        rows.updates =
            insert->onConflictClause && insert->onConflictClause->action == ONCONFLICT_UPDATE;
        rows.columns = insert->cols;
        break;
    }
    case T_UpdateStmt:
        target = reinterpret_cast<UpdateStmt *>(node)->relation;
        event = CMD_UPDATE;
        rows.updates = true;
        rows.columns = reinterpret_cast<UpdateStmt *>(node)->targetList;
        break;
    case T_DeleteStmt:
        target = reinterpret_cast<DeleteStmt *>(node)->relation;
        event = CMD_DELETE;
        rows.deletes = true;
        break;
    default:
#if PG_VERSION_NUM >= 150000
        target = reinterpret_cast<MergeStmt *>(node)->relation;
        event = CMD_MERGE;
        rows.inserts = rows.updates = rows.deletes = true;
#endif
        break;
    }
    const Oid oid = named(target, read_by_plan(RowExclusiveLock));
    if (!OidIsValid(oid) || how == depth::analysed)
        return;
    expand_rules(oid, event, false);
    bounds_of_partition(oid);
    if (kind_of(oid) == RELKIND_VIEW && (book_.is_made(oid) || book_.touched(oid)))
        return unknown("it writes through a view that the script makes or changes");
    if (kind_of(oid) == RELKIND_VIEW) {
        // What it selects from is what is written, unless a trigger takes its place.
        cached_relation view(oid);
        Query *select = view && view->rd_rules && view->rd_rules->numLocks > 0
                            ? static_cast<Query *>(linitial(view->rd_rules->rules[0]->actions))
                            : nullptr;
        if (view && view->trigdesc)
            return unknown("a trigger runs code");
        if (select && list_length(select->jointree->fromlist) == 1 &&
            IsA(linitial(select->jointree->fromlist), RangeTblRef)) {
            const RangeTblEntry *base =
                rt_fetch(static_cast<RangeTblRef *>(linitial(select->jointree->fromlist))->rtindex,
                         select->rtable);
            relation(base->relid, read_by_plan(RowExclusiveLock));
            read_children(base->relid, RowExclusiveLock, true);
            if (how == depth::executed)
                row_checks(base->relid, rows);
        }
        return;
    }
    read_by_policies(oid);
    if (how == depth::rewritten)
        return;
    if (event != CMD_INSERT && target->inh)
        read_children(oid, RowExclusiveLock, true);
    else if (kind_of(oid) == RELKIND_PARTITIONED_TABLE)
        inheritors(
            oid,
            {RowExclusiveLock, {}, {}, likely, "partitions are locked as rows reach them", true});
    if (how == depth::executed)
        row_checks(oid, rows);
}

/* Rows written to a partition by its own name are checked against its bounds, which are read from
 * the tables above it where they are not cached. */
void predictor::bounds_of_partition(Oid oid) {
    while (OidIsValid(oid = parent_of(oid)))
        relation(oid, perhaps(AccessShareLock, "where the bounds of the partition are not cached"));
}

void predictor::copy(const CopyStmt *statement) {
    if (statement->query)
        return query(statement->query, depth::executed);
    const Oid oid = named(statement->relation, statement->is_from ? read_by_plan(RowExclusiveLock)
                                                                  : scanning(AccessShareLock));
    query(statement->whereClause, depth::rewritten);
    if (!statement->is_from || !OidIsValid(oid))
        return;
    bounds_of_partition(oid);
    inheritors(oid, perhaps(RowExclusiveLock, "partitions are locked as rows reach them"));
    row_checks(oid, {true, false, false, statement->attlist});
}

} // namespace confiture::pg
