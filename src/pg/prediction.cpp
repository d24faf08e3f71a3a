#include "pg/prediction.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/predictor.hpp"

#include <algorithm>

extern "C" {
#include "access/xact.h"
#include "catalog/heap.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
}

namespace confiture::pg {

const char *name_of(certainty sure) {
    switch (sure) {
    case certainty::certain:
        return "certain";
    case certainty::likely:
        return "likely";
    case certainty::unknown:
        return "unknown";
    }
    return "";
}

void predictor::relation(Oid oid, const effect &what) {
    if (!OidIsValid(oid) || oid < FirstNormalObjectId)
        return;
    auto known = std::find_if(found_.begin(), found_.end(),
                              [&](const prediction &one) { return one.relation == oid; });
    if (known == found_.end()) {
        const auto name = name_of_relation(oid);
        if (!name)
            return;
        prediction fresh;
        fresh.relation = oid;
        fresh.object = name->name;
        fresh.sure = what.sure;
        fresh.reason = what.reason;
        known = found_.insert(found_.end(), std::move(fresh));
    }
    known->mode = std::max(known->mode, what.mode);
    known->rewrites = known->rewrites || what.rewrites;
    known->scans = known->scans || what.scans;
    if (what.sure > known->sure) {
        known->sure = what.sure;
        known->reason = what.reason;
    }
}

bool predictor::made(const RangeVar *relation) const {
    return std::find(made_.begin(), made_.end(), relation->relname) != made_.end();
}

void predictor::makes(const char *name) {
    if (name)
        made_.emplace_back(name);
}

void predictor::makes(const RangeVar *relation) { makes(relation->relname); }

Oid predictor::named(const RangeVar *variable, const effect &what) {
    if (!variable)
        return InvalidOid;
    const Oid oid = call([&] { return RangeVarGetRelid(variable, NoLock, true); });
    if (OidIsValid(oid)) {
        relation(oid, what);
        return oid;
    }
    if (!made(variable)) {
        prediction missing;
        missing.object = variable->relname;
        missing.mode = what.mode;
        missing.sure = certainty::unknown;
        missing.reason = "it does not exist now";
        found_.push_back(std::move(missing));
    }
    return InvalidOid;
}

void predictor::with_children(Oid parent, const effect &what) {
    if (!OidIsValid(parent) || !call([&] { return has_subclass(parent); }))
        return;
    List *children = call([&] { return find_all_inheritors(parent, NoLock, nullptr); });
    ListCell *cell;
    foreach (cell, children)
        if (lfirst_oid(cell) != parent)
            relation(lfirst_oid(cell), what);
}

void predictor::unknown(const char *reason) {
    prediction nothing;
    nothing.sure = certainty::unknown;
    nothing.reason = reason;
    found_.push_back(std::move(nothing));
}

namespace {

/* The relations that a query names, and whether it calls functions, which may do anything. */
struct query_parts {
    std::vector<const RangeVar *> relations;
    std::vector<const RangeVar *> locked;
    std::vector<std::string> common_tables;
};

bool collect(Node *node, void *argument) {
    if (!node)
        return false;
    auto *parts = static_cast<query_parts *>(argument);
    if (IsA(node, RangeVar))
        parts->relations.push_back(reinterpret_cast<RangeVar *>(node));
    else if (IsA(node, CommonTableExpr))
        parts->common_tables.emplace_back(reinterpret_cast<CommonTableExpr *>(node)->ctename);
    else if (IsA(node, SelectStmt) && reinterpret_cast<SelectStmt *>(node)->lockingClause)
        parts->locked.push_back(nullptr);
#if PG_VERSION_NUM >= 160000
    return raw_expression_tree_walker(node, collect, argument);
#else
    // Declared without a prototype there, which C++ reads as "no arguments".
    using walker = bool (*)();
    using any_function = void (*)();
    return raw_expression_tree_walker(
        node, reinterpret_cast<walker>(reinterpret_cast<any_function>(collect)), argument);
#endif
}

} // namespace

void predictor::query(Node *node) {
    query_parts parts;
    call([&] { collect(node, &parts); });
    const LOCKMODE mode = parts.locked.empty() ? AccessShareLock : RowShareLock;
    for (const RangeVar *variable : parts.relations) {
        const bool common = !variable->schemaname &&
                            std::find(parts.common_tables.begin(), parts.common_tables.end(),
                                      variable->relname) != parts.common_tables.end();
        if (!common)
            named(variable, {mode});
    }
}

void predictor::written(const RangeVar *target, Node *whole, bool checks_foreign_keys) {
    query(whole);
    const Oid oid = named(target, {RowExclusiveLock});
    with_children(oid, {RowExclusiveLock, false, false, certainty::likely,
                        "partitions are locked as rows reach them"});
    if (checks_foreign_keys)
        referenced_tables(oid, RowShareLock);
    else
        referencing_tables(oid, RowShareLock);
}

void predictor::create_table(const CreateStmt *statement) {
    const LOCKMODE parent_mode =
        statement->partbound ? AccessExclusiveLock : ShareUpdateExclusiveLock;
    ListCell *cell;
    foreach (cell, statement->inhRelations)
        named(static_cast<RangeVar *>(lfirst(cell)), {parent_mode});
    const auto reference = [&](const Constraint *constraint) {
        if (constraint->contype == CONSTR_FOREIGN)
            named(constraint->pktable, {ShareRowExclusiveLock});
    };
    const auto each_constraint = [&](List *constraints) {
        ListCell *inner;
        foreach (inner, constraints)
            if (IsA(lfirst(inner), Constraint))
                reference(static_cast<Constraint *>(lfirst(inner)));
    };
    makes(statement->relation);
    foreach (cell, statement->tableElts) {
        auto *element = static_cast<Node *>(lfirst(cell));
        if (IsA(element, ColumnDef))
            each_constraint(reinterpret_cast<ColumnDef *>(element)->constraints);
        else if (IsA(element, Constraint))
            reference(reinterpret_cast<Constraint *>(element));
        else if (IsA(element, TableLikeClause))
            named(reinterpret_cast<TableLikeClause *>(element)->relation, {AccessShareLock});
    }
    each_constraint(statement->constraints);
}

void predictor::create_index(const IndexStmt *statement) {
    const effect what{statement->concurrent ? ShareUpdateExclusiveLock : ShareLock, false, true};
    const Oid oid = named(statement->relation, what);
    if (statement->relation->inh)
        with_children(oid, what);
    makes(statement->idxname);
}

void predictor::drop(const DropStmt *statement) {
    const bool is_relation =
        statement->removeType == OBJECT_TABLE || statement->removeType == OBJECT_VIEW ||
        statement->removeType == OBJECT_MATVIEW || statement->removeType == OBJECT_SEQUENCE ||
        statement->removeType == OBJECT_FOREIGN_TABLE || statement->removeType == OBJECT_INDEX;
    const bool of_table = statement->removeType == OBJECT_TRIGGER ||
                          statement->removeType == OBJECT_RULE ||
                          statement->removeType == OBJECT_POLICY;
    const effect what{statement->concurrent ? ShareUpdateExclusiveLock : AccessExclusiveLock};
    ListCell *cell;
    foreach (cell, statement->objects) {
        if (!is_relation && !of_table)
            break;
        auto *parts = static_cast<List *>(lfirst(cell));
        const RangeVar *variable = call([&] {
            return makeRangeVarFromNameList(
                of_table ? list_truncate(list_copy(parts), list_length(parts) - 1) : parts);
        });
        if (statement->missing_ok &&
            !OidIsValid(call([&] { return RangeVarGetRelid(variable, NoLock, true); })))
            continue;
        const Oid oid = named(variable, what);
        if (statement->removeType == OBJECT_INDEX && OidIsValid(oid))
            relation(table_of_index(oid), what);
        if (statement->removeType == OBJECT_TABLE) {
            with_children(oid, what);
            referenced_tables(oid, AccessExclusiveLock);
            if (statement->behavior == DROP_CASCADE)
                referencing_tables(oid, AccessExclusiveLock);
        }
    }
    if (statement->behavior == DROP_CASCADE && !is_relation && !of_table)
        unknown("CASCADE drops what depends on it");
}

void predictor::rename(const RenameStmt *statement) {
    if (!statement->relation)
        return;
    const bool of_index = statement->renameType == OBJECT_INDEX;
    const Oid oid =
        named(statement->relation, {of_index ? ShareUpdateExclusiveLock : AccessExclusiveLock});
    if (statement->renameType == OBJECT_COLUMN && statement->relation->inh)
        with_children(oid, {AccessExclusiveLock});
    if (statement->renameType == OBJECT_TABLE || of_index)
        makes(statement->newname);
}

void predictor::comment(const CommentStmt *statement) {
    if (!IsA(statement->object, List))
        return;
    auto *parts = reinterpret_cast<List *>(statement->object);
    const bool whole = statement->objtype == OBJECT_TABLE || statement->objtype == OBJECT_INDEX ||
                       statement->objtype == OBJECT_VIEW || statement->objtype == OBJECT_MATVIEW ||
                       statement->objtype == OBJECT_SEQUENCE;
    const bool part = statement->objtype == OBJECT_COLUMN ||
                      statement->objtype == OBJECT_TABCONSTRAINT ||
                      statement->objtype == OBJECT_TRIGGER;
    if (!whole && !(part && list_length(parts) > 1))
        return;
    named(call([&] {
              return makeRangeVarFromNameList(
                  part ? list_truncate(list_copy(parts), list_length(parts) - 1) : parts);
          }),
          {ShareUpdateExclusiveLock});
}

void predictor::reindex(const ReindexStmt *statement) {
    if (statement->kind == REINDEX_OBJECT_TABLE) {
        named(statement->relation, {ShareLock, false, true});
    } else if (statement->kind == REINDEX_OBJECT_INDEX) {
        const Oid index = named(statement->relation, {AccessExclusiveLock});
        if (OidIsValid(index))
            relation(table_of_index(index), {ShareLock, false, true});
    } else
        unknown("it works on every table of the schema or database");
}

void predictor::statement(Node *node) {
    ListCell *cell;
    switch (nodeTag(node)) {
    case T_SelectStmt:
        return query(node);
    case T_InsertStmt:
        return written(reinterpret_cast<InsertStmt *>(node)->relation, node, true);
    case T_UpdateStmt:
        return written(reinterpret_cast<UpdateStmt *>(node)->relation, node, true);
    case T_DeleteStmt:
        return written(reinterpret_cast<DeleteStmt *>(node)->relation, node, false);
#if PG_VERSION_NUM >= 150000
    case T_MergeStmt:
        return written(reinterpret_cast<MergeStmt *>(node)->relation, node, true);
#endif
    case T_CopyStmt: {
        auto *copy = reinterpret_cast<CopyStmt *>(node);
        named(copy->relation, {copy->is_from ? RowExclusiveLock : AccessShareLock});
        return;
    }
    case T_CreateStmt:
        return create_table(reinterpret_cast<CreateStmt *>(node));
    case T_IndexStmt:
        return create_index(reinterpret_cast<IndexStmt *>(node));
    case T_AlterTableStmt:
        return alter_table(reinterpret_cast<AlterTableStmt *>(node));
    case T_DropStmt:
        return drop(reinterpret_cast<DropStmt *>(node));
    case T_RenameStmt:
        return rename(reinterpret_cast<RenameStmt *>(node));
    case T_CommentStmt:
        return comment(reinterpret_cast<CommentStmt *>(node));
    case T_ReindexStmt:
        return reindex(reinterpret_cast<ReindexStmt *>(node));
    case T_TruncateStmt:
        foreach (cell, reinterpret_cast<TruncateStmt *>(node)->relations) {
            const Oid oid = named(static_cast<RangeVar *>(lfirst(cell)), {AccessExclusiveLock});
            with_children(oid, {AccessExclusiveLock});
            if (reinterpret_cast<TruncateStmt *>(node)->behavior == DROP_CASCADE)
                referencing_tables(oid, AccessExclusiveLock);
        }
        return;
    case T_LockStmt:
        foreach (cell, reinterpret_cast<LockStmt *>(node)->relations) {
            const LOCKMODE mode = reinterpret_cast<LockStmt *>(node)->mode;
            with_children(named(static_cast<RangeVar *>(lfirst(cell)), {mode}), {mode});
        }
        return;
    case T_CreateTrigStmt:
        named(reinterpret_cast<CreateTrigStmt *>(node)->relation, {ShareRowExclusiveLock});
        return;
    case T_CreatePolicyStmt:
        named(reinterpret_cast<CreatePolicyStmt *>(node)->table, {AccessExclusiveLock});
        return;
    case T_AlterPolicyStmt:
        named(reinterpret_cast<AlterPolicyStmt *>(node)->table, {AccessExclusiveLock});
        return;
    case T_RuleStmt:
        named(reinterpret_cast<RuleStmt *>(node)->relation, {AccessExclusiveLock});
        return;
    case T_ViewStmt: {
        auto *view = reinterpret_cast<ViewStmt *>(node);
        query(view->query);
        if (view->replace &&
            OidIsValid(call([&] { return RangeVarGetRelid(view->view, NoLock, true); })))
            named(view->view, {AccessExclusiveLock});
        makes(view->view);
        return;
    }
    case T_CreateTableAsStmt: {
        auto *table = reinterpret_cast<CreateTableAsStmt *>(node);
        if (!IsA(table->query, ExecuteStmt))
            query(table->query);
        makes(table->into->rel);
        return;
    }
    case T_RefreshMatViewStmt: {
        auto *refresh = reinterpret_cast<RefreshMatViewStmt *>(node);
        named(refresh->relation,
              {refresh->concurrent ? ExclusiveLock : AccessExclusiveLock, !refresh->concurrent});
        return;
    }
    case T_ClusterStmt:
        named(reinterpret_cast<ClusterStmt *>(node)->relation, {AccessExclusiveLock, true, true});
        return;
    case T_CreateStatsStmt:
        foreach (cell, reinterpret_cast<CreateStatsStmt *>(node)->relations)
            if (IsA(lfirst(cell), RangeVar))
                named(static_cast<RangeVar *>(lfirst(cell)), {ShareUpdateExclusiveLock});
        return;
    case T_AlterSeqStmt:
        named(reinterpret_cast<AlterSeqStmt *>(node)->sequence, {ShareRowExclusiveLock});
        return;
    case T_CreateSeqStmt:
        makes(reinterpret_cast<CreateSeqStmt *>(node)->sequence);
        return;
    case T_AlterObjectSchemaStmt:
        named(reinterpret_cast<AlterObjectSchemaStmt *>(node)->relation, {AccessExclusiveLock});
        return;
    case T_VacuumStmt:
        foreach (cell, reinterpret_cast<VacuumStmt *>(node)->rels)
            named(static_cast<VacuumRelation *>(lfirst(cell))->relation,
                  {ShareUpdateExclusiveLock, false, true, certainty::likely,
                   "a sample of the pages is read"});
        return;
    case T_DoStmt:
        return unknown("a DO block runs code");
    case T_CallStmt:
        return unknown("a procedure runs code");
    case T_ExecuteStmt:
        return unknown("a prepared statement is run");
    case T_DropOwnedStmt:
    case T_CreateExtensionStmt:
    case T_AlterExtensionStmt:
        return unknown("it works on many objects");
    default:
        return;
    }
}

std::vector<prediction> predict(std::string_view text, std::vector<std::string> &made_before) {
    memory_context memory("confiture prediction");
    memory_scope scope(memory);
    const std::string terminated(text);
    predictor one(made_before);
    one.statement(parse_statement(terminated.c_str())->stmt);
    return one.take();
}

} // namespace confiture::pg
