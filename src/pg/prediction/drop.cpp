/* DROP and TRUNCATE: what goes with an object, as findDependentObjects() walks pg_depend. */
#include "pg/boundary.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/predictor.hpp"

#include <algorithm>
#include <set>
#include <tuple>

extern "C" {
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/policy.h"
#include "commands/trigger.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"
#include "rewrite/rewriteSupport.h"
}

namespace confiture::pg {

static dependent read_dependent(Form_pg_depend row) {
    return {row->classid, row->objid, row->objsubid, row->deptype};
}

std::vector<dependent> dependents_of(Oid class_id, Oid object_id, int sub) {
    return catalog_rows<dependent>(
        DependRelationId, DependReferenceIndexId,
        {{Anum_pg_depend_refclassid, class_id}, {Anum_pg_depend_refobjid, object_id}},
        [&](HeapTuple tuple, dependent &found) {
            auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
            if (sub != 0 && row->refobjsubid != sub)
                return false;
            found = read_dependent(row);
            return true;
        });
}

std::vector<dependent> dependencies_of(Oid class_id, Oid object_id) {
    return catalog_rows<dependent>(
        DependRelationId, DependDependerIndexId,
        {{Anum_pg_depend_classid, class_id}, {Anum_pg_depend_objid, object_id}},
        [](HeapTuple tuple, dependent &found) {
            auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
            found = {row->refclassid, row->refobjid, row->refobjsubid, row->deptype};
            return true;
        });
}

/* The table that a trigger, rule, default … belongs to. */
template <typename Form>
static Oid table_of(Oid catalog, Oid index, AttrNumber key, Oid object, Oid Form::*table) {
    struct row {
        Oid table;
    };
    const auto rows =
        catalog_rows<row>(catalog, index, {{key, object}}, [&](HeapTuple tuple, row &found) {
            found.table = reinterpret_cast<Form *>(GETSTRUCT(tuple))->*table;
            return true;
        });
    return rows.empty() ? InvalidOid : rows.front().table;
}

void predictor::lock_to_delete(const ObjectAddress &object) {
    const Oid oid = object.objectId;
    switch (object.classId) {
    case RelationRelationId: {
        relation(oid, {AccessExclusiveLock});
        const char kind = kind_of(oid);
        if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
            relation(table_of_index(oid), {AccessExclusiveLock});
        else if (const Oid parent = parent_of(oid); OidIsValid(parent) && object.objectSubId == 0) {
            relation(parent, {AccessExclusiveLock});
            default_partition(parent, false);
        }
        return;
    }
    case ConstraintRelationId:
        return relation(table_of(ConstraintRelationId, ConstraintOidIndexId, Anum_pg_constraint_oid,
                                 oid, &FormData_pg_constraint::conrelid),
                        {AccessExclusiveLock});
    case TriggerRelationId:
        return relation(table_of(TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, oid,
                                 &FormData_pg_trigger::tgrelid),
                        {AccessExclusiveLock});
    case RewriteRelationId:
        return relation(table_of(RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, oid,
                                 &FormData_pg_rewrite::ev_class),
                        {AccessExclusiveLock});
    case AttrDefaultRelationId:
        return relation(table_of(AttrDefaultRelationId, AttrDefaultOidIndexId, Anum_pg_attrdef_oid,
                                 oid, &FormData_pg_attrdef::adrelid),
                        {AccessExclusiveLock});
    case PolicyRelationId:
        return relation(table_of(PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, oid,
                                 &FormData_pg_policy::polrelid),
                        {AccessExclusiveLock});
    case StatisticExtRelationId:
        return relation(table_of(StatisticExtRelationId, StatisticExtOidIndexId,
                                 Anum_pg_statistic_ext_oid, oid,
                                 &FormData_pg_statistic_ext::stxrelid),
                        {ShareUpdateExclusiveLock});
    default:
        return;
    }
}

/* Without CASCADE only parts of the object go with it; what else depends on it is an error. */
void predictor::dropped(const ObjectAddress &start, bool cascade) {
    std::set<std::tuple<Oid, Oid, int>> seen;
    std::vector<ObjectAddress> waiting{start};
    const auto add = [&](const dependent &one) {
        if (one.object_id >= FirstNormalObjectId)
            waiting.push_back({one.class_id, one.object_id, one.sub_id});
    };
    while (!waiting.empty()) {
        const ObjectAddress object = waiting.back();
        waiting.pop_back();
        if (seen.count({object.classId, object.objectId, 0}) > 0 ||
            !seen.insert({object.classId, object.objectId, object.objectSubId}).second)
            continue;
        lock_to_delete(object);
        if (object.classId == RelationRelationId && object.objectSubId == 0) {
            drop_partners(object.objectId);
            book_.drop(object.objectId);
        }
        for (const dependent &one :
             dependents_of(object.classId, object.objectId, object.objectSubId)) {
            const bool same = one.class_id == object.classId && one.object_id == object.objectId;
            if (!same && (cascade || one.kind != DEPENDENCY_NORMAL))
                add(one);
        }
        if (object.objectSubId != 0)
            continue;
        for (const dependent &owner : dependencies_of(object.classId, object.objectId))
            if (owner.kind == DEPENDENCY_INTERNAL) // the object that it is a part of goes too
                add(owner);
    }
}

namespace {

const RangeVar *range_variable(List *parts) {
    return call([&] { return makeRangeVarFromNameList(parts); });
}

List *without_last(List *parts) {
    return call([&] { return list_truncate(list_copy(parts), list_length(parts) - 1); });
}

/* Objects that are neither relations nor parts of one; taken without a lock. */
ObjectAddress find_object(ObjectType type, Node *node) {
    const auto name = [&] { return strVal(node); };
    return call([&]() -> ObjectAddress {
        switch (type) {
        case OBJECT_TYPE:
        case OBJECT_DOMAIN:
            return {TypeRelationId,
                    LookupTypeNameOid(nullptr, reinterpret_cast<TypeName *>(node), true), 0};
        case OBJECT_FUNCTION:
        case OBJECT_PROCEDURE:
        case OBJECT_AGGREGATE:
        case OBJECT_ROUTINE:
            return {ProcedureRelationId,
                    LookupFuncWithArgs(type, reinterpret_cast<ObjectWithArgs *>(node), true), 0};
        case OBJECT_SCHEMA:
            return {NamespaceRelationId, get_namespace_oid(name(), true), 0};
        case OBJECT_STATISTIC_EXT:
            return {StatisticExtRelationId,
                    get_statistics_object_oid(reinterpret_cast<List *>(node), true), 0};
        case OBJECT_EXTENSION:
            return {ExtensionRelationId, get_extension_oid(name(), true), 0};
        case OBJECT_FDW:
            return {ForeignDataWrapperRelationId, get_foreign_data_wrapper_oid(name(), true), 0};
        case OBJECT_FOREIGN_SERVER:
            return {ForeignServerRelationId, get_foreign_server_oid(name(), true), 0};
        default:
            return {InvalidOid, InvalidOid, 0};
        }
    });
}

} // namespace

void predictor::drop_one(const DropStmt *statement, Node *node) {
    const bool cascade = statement->behavior == DROP_CASCADE;
    switch (statement->removeType) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_SEQUENCE:
    case OBJECT_FOREIGN_TABLE:
    case OBJECT_INDEX: {
        const RangeVar *variable = range_variable(reinterpret_cast<List *>(node));
        if (statement->missing_ok && !OidIsValid(find(variable))) {
            if (statement->removeType == OBJECT_INDEX)
                tables_of_unnamed_indexes(statement->concurrent ? ShareUpdateExclusiveLock
                                                                : AccessExclusiveLock);
            return;
        }
        const LOCKMODE mode =
            statement->concurrent ? ShareUpdateExclusiveLock : AccessExclusiveLock;
        const Oid oid = named(variable, {mode});
        if (!OidIsValid(oid)) {
            if (statement->removeType == OBJECT_INDEX)
                tables_of_unnamed_indexes(mode);
            return;
        }
        if (book_.is_made(oid))
            return drop_made(oid, cascade);
        if (cascade)
            cascade_to_touched();
        if (statement->concurrent) {
            book_.drop(oid);
            relation(oid, perhaps(AccessExclusiveLock, "for a moment at its end"));
            return relation(table_of_index(oid), {mode});
        }
        if (kind_of(oid) == RELKIND_PARTITIONED_INDEX) // those without a part of it are locked too
            inheritors(table_of_index(oid), {AccessExclusiveLock});
        return dropped({RelationRelationId, oid, 0}, cascade);
    }
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_POLICY: {
        auto *parts = reinterpret_cast<List *>(node);
        const RangeVar *variable = range_variable(without_last(parts));
        const Oid table = find(variable);
        if (!OidIsValid(table)) {
            if (!statement->missing_ok)
                named(variable, {AccessExclusiveLock});
            return;
        }
        const char *name = strVal(llast(parts));
        const ObjectAddress part = call([&]() -> ObjectAddress {
            if (statement->removeType == OBJECT_TRIGGER)
                return {TriggerRelationId, get_trigger_oid(table, name, true), 0};
            if (statement->removeType == OBJECT_RULE)
                return {RewriteRelationId, get_rewrite_oid(table, name, true), 0};
            return {PolicyRelationId, get_relation_policy_oid(table, name, true), 0};
        });
        if (OidIsValid(part.objectId))
            dropped(part, cascade);
        else if (book_.touched(table)) // an earlier statement may have made it
            with_inheritors(table, perhaps(AccessExclusiveLock, ""));
        return;
    }
    default: {
        const ObjectAddress object = find_object(statement->removeType, node);
        if (cascade)
            cascade_to_touched();
        if (OidIsValid(object.objectId))
            dropped(object, cascade);
        else if (cascade && !OidIsValid(object.classId))
            unknown("CASCADE drops what depends on it");
    }
    }
}

void predictor::drop(const DropStmt *statement) {
    ListCell *cell;
    foreach (cell, statement->objects)
        drop_one(statement, static_cast<Node *>(lfirst(cell)));
}

/* Sequences of identity and serial columns: of one column, or of all. */
void predictor::owned_sequences(Oid table, AttrNumber column) {
    if (book_.is_made(table))
        return;
    for (const dependent &one : dependents_of(RelationRelationId, table, column))
        if (one.class_id == RelationRelationId && kind_of(one.object_id) == RELKIND_SEQUENCE &&
            (one.kind == DEPENDENCY_AUTO || one.kind == DEPENDENCY_INTERNAL))
            relation(one.object_id,
                     perhaps(AccessExclusiveLock, "a sequence that the table or column owns"));
}

/* CASCADE goes on along foreign keys, as heap_truncate_find_FKs(). */
void predictor::truncate(const TruncateStmt *statement) {
    std::vector<Oid> tables;
    const auto add = [&](Oid table) {
        if (std::find(tables.begin(), tables.end(), table) == tables.end())
            tables.push_back(table);
    };
    ListCell *cell;
    foreach (cell, statement->relations) {
        auto *variable = static_cast<RangeVar *>(lfirst(cell));
        const Oid oid = named(variable, {AccessExclusiveLock});
        if (!OidIsValid(oid))
            continue;
        add(oid);
        if (variable->inh)
            for (Oid child : inheritors_of(oid))
                add(child);
    }
    for (std::size_t i = 0; i < tables.size(); i++) {
        relation(tables[i], read_by_plan(AccessExclusiveLock)); // indexes are made of no rows
        if (statement->restart_seqs)
            owned_sequences(tables[i], InvalidAttrNumber);
        if (statement->behavior == DROP_CASCADE)
            for (const foreign_key &key : foreign_keys_to(tables[i])) {
                add(key.table);
                for (Oid child : inheritors_of(key.table))
                    add(child);
            }
    }
    for (Oid table : tables) {
        cached_relation opened(table);
        for (int i = 0; opened && opened->trigdesc && i < opened->trigdesc->numtriggers; i++)
            if (TRIGGER_FOR_TRUNCATE(opened->trigdesc->triggers[i].tgtype) &&
                function_runs_code(opened->trigdesc->triggers[i].tgfoid))
                return unknown("a trigger runs code");
    }
}

} // namespace confiture::pg
