#include "pg/refused_forms.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/memory.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/expressions.hpp"
#include "pg/prediction/predictor.hpp"
#include "pg/refused_at_top_level.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "access/attnum.h"
#include "catalog/catalog.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_tablespace.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
}

namespace confiture::pg {

/* In PostgreSQL's words. */
void refuse(int code, const std::string &message, const std::string &hint) {
    call([&] {
        ereport(ERROR, (errcode(code), errmsg_internal("%s", message.c_str()),
                        hint.empty() ? 0 : errhint("%s", hint.c_str())));
    });
    pg_unreachable();
}

bool owns(Oid catalog, Oid object) {
    return call([&] {
#if PG_VERSION_NUM >= 160000
        return object_ownercheck(catalog, object, GetUserId());
#else
        switch (catalog) {
        case RelationRelationId:
            return pg_class_ownercheck(object, GetUserId());
        case NamespaceRelationId:
            return pg_namespace_ownercheck(object, GetUserId());
        case TableSpaceRelationId:
            return pg_tablespace_ownercheck(object, GetUserId());
        default:
            return pg_database_ownercheck(object, GetUserId());
        }
#endif
    });
}

namespace {

std::string quoted(const char *name) { return std::string("\"") + name + "\""; }

char persistence_of(Oid relation) {
    return call([&] { return get_rel_persistence(relation); });
}

/* As the server looks for a relation that must be there: with its messages, and without a lock. */
Oid must_find(const RangeVar *relation, RangeVarGetRelidCallback allowed) {
    return call([&] { return RangeVarGetRelidExtended(relation, NoLock, 0, allowed, nullptr); });
}

void check_tablespace(const char *name) {
    if (name)
        call([&] { return get_tablespace_oid(name, false); });
}

/* As ComputeIndexAttrs(), as far as nothing of a user's is run for it. */
void check_key(Oid table, const IndexElem *element, const char *method, Oid method_oid) {
    if (!element->name)
        return;
    const AttrNumber number = call([&] { return get_attnum(table, element->name); });
    if (number == InvalidAttrNumber)
        refuse(ERRCODE_UNDEFINED_COLUMN, "column " + quoted(element->name) + " does not exist");
    call([&] {
        if (element->collation)
            get_collation_oid(element->collation, false);
        return ResolveOpClass(element->opclass, get_atttype(table, number), method, method_oid);
    });
}

/* As CheckMutability(), of what is built in throughout: a function in SQL may lose what is mutable
 * when it is inlined. */
void check_expression(Relation table, const Node *raw, ParseExprKind where, const char *what) {
    const analysed found = analyse(raw, table, where, {});
    if (found.built_in && call([&] { return contain_mutable_functions(found.expression); }))
        refuse(ERRCODE_INVALID_OBJECT_DEFINITION,
               std::string("functions in index ") + what + " must be marked IMMUTABLE");
}

void check_create_index(const IndexStmt *statement) {
    const Oid table = must_find(statement->relation, RangeVarCallbackOwnsRelation);
    const std::string name = call([&] { return get_rel_name(table); });
    switch (kind_of(table)) {
    case RELKIND_RELATION:
    case RELKIND_MATVIEW:
        break;
    case RELKIND_PARTITIONED_TABLE:
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED, "cannot create index on partitioned table " +
                                                  quoted(name.c_str()) + " concurrently");
    default:
        refuse(ERRCODE_WRONG_OBJECT_TYPE,
#if PG_VERSION_NUM >= 140000
               "cannot create index on relation " + quoted(name.c_str())
#else
               quoted(name.c_str()) + " is not a table or materialized view"
#endif
        );
    }
    if (statement->idxname && OidIsValid(call([&] {
            return get_relname_relid(statement->idxname, get_rel_namespace(table));
        }))) {
        if (statement->if_not_exists)
            return;
        refuse(ERRCODE_DUPLICATE_TABLE,
               "relation " + quoted(statement->idxname) + " already exists");
    }
    check_tablespace(statement->tableSpace);
    const Oid method = call([&] { return get_index_am_oid(statement->accessMethod, false); });
    ListCell *cell;
    for (List *elements : {statement->indexParams, statement->indexIncludingParams})
        foreach (cell, elements)
            check_key(table, static_cast<IndexElem *>(lfirst(cell)), statement->accessMethod,
                      method);
    cached_relation opened(table);
    if (!opened || !call([&] { return ConditionalLockRelationOid(table, AccessShareLock); }))
        return;
    foreach (cell, statement->indexParams)
        if (const Node *raw = static_cast<IndexElem *>(lfirst(cell))->expr)
            check_expression(opened.get(), raw, EXPR_KIND_INDEX_EXPRESSION, "expression");
    if (statement->whereClause)
        check_expression(opened.get(), statement->whereClause, EXPR_KIND_INDEX_PREDICATE,
                         "predicate");
}

std::string description_of(const ObjectAddress &object) {
    return call([&] {
#if PG_VERSION_NUM >= 140000
        return getObjectDescription(&object, false);
#else
        return getObjectDescription(&object);
#endif
    });
}

/* As findDependentObjects(): what the index is a part of, and what needs it. */
void check_dependencies(Oid index) {
    const ObjectAddress itself{RelationRelationId, index, 0};
    for (const dependent &owner : dependencies_of(RelationRelationId, index)) {
        if (owner.kind != DEPENDENCY_INTERNAL && owner.kind != DEPENDENCY_PARTITION_PRI)
            continue;
        const std::string needs = description_of({owner.class_id, owner.object_id, owner.sub_id});
        refuse(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
               "cannot drop " + description_of(itself) + " because " + needs + " requires it",
               "You can drop " + needs + " instead.");
    }
    for (const dependent &one : dependents_of(RelationRelationId, index, 0))
        if (one.kind == DEPENDENCY_NORMAL)
            refuse(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
                   "cannot drop " + description_of(itself) + " because other objects depend on it");
}

/* As RemoveRelations() and RangeVarCallbackForDropRelation(). */
void check_drop_index(const DropStmt *statement) {
    if (list_length(statement->objects) != 1)
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED,
               "DROP INDEX CONCURRENTLY does not support dropping multiple objects");
    if (statement->behavior == DROP_CASCADE)
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED, "DROP INDEX CONCURRENTLY does not support CASCADE");
    const RangeVar *name = call([&] {
        return makeRangeVarFromNameList(static_cast<List *>(linitial(statement->objects)));
    });
    const Oid index = call([&] { return RangeVarGetRelid(name, NoLock, true); });
    if (!OidIsValid(index)) {
        if (statement->missing_ok)
            return;
        if (name->schemaname &&
            !OidIsValid(call([&] { return LookupNamespaceNoError(name->schemaname); })))
            refuse(ERRCODE_UNDEFINED_SCHEMA,
                   "schema " + quoted(name->schemaname) + " does not exist");
        refuse(ERRCODE_UNDEFINED_OBJECT, "index " + quoted(name->relname) + " does not exist");
    }
    const char kind = kind_of(index);
    if (kind != RELKIND_INDEX && kind != RELKIND_PARTITIONED_INDEX)
        refuse(ERRCODE_WRONG_OBJECT_TYPE, quoted(name->relname) + " is not an index");
    if (!owns(RelationRelationId, index) &&
        !owns(NamespaceRelationId, call([&] { return get_rel_namespace(index); })))
        call([&] { aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, name->relname); });
    if (!allowSystemTableMods && call([&] { return IsCatalogRelationOid(index); }))
        refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
               "permission denied: " + quoted(name->relname) + " is a system catalog");
    if (persistence_of(index) == RELPERSISTENCE_TEMP) // dropped as without CONCURRENTLY
        return;
    if (kind == RELKIND_PARTITIONED_INDEX)
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED,
               "cannot drop partitioned index " + quoted(name->relname) + " concurrently");
    check_dependencies(index);
}

/* The index of an exclusion constraint: index_concurrently_create_copy(). */
bool excludes(Oid index) {
    return call([&] {
        HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
        if (!HeapTupleIsValid(tuple))
            return false;
        const bool found = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple))->indisexclusion;
        ReleaseSysCache(tuple);
        return found;
    });
}

void check_reindex_tablespace(const ReindexStmt *statement) {
#if PG_VERSION_NUM >= 140000
    ListCell *cell;
    foreach (cell, statement->params) {
        auto *option = static_cast<DefElem *>(lfirst(cell));
        if (std::strcmp(option->defname, "tablespace") != 0)
            continue;
        const char *name = call([&] { return defGetString(option); });
        check_tablespace(name);
        if (std::strcmp(name, "pg_global") == 0)
            refuse(ERRCODE_FEATURE_NOT_SUPPORTED,
                   "cannot move non-shared relation to tablespace \"pg_global\"");
    }
#else
    (void)statement;
#endif
}

void check_reindex_index(const ReindexStmt *statement) {
    const RangeVar *name = statement->relation;
    const Oid index = must_find(name, nullptr);
    const char kind = kind_of(index);
    if (kind != RELKIND_INDEX && kind != RELKIND_PARTITIONED_INDEX)
        refuse(ERRCODE_WRONG_OBJECT_TYPE, quoted(name->relname) + " is not an index");
    const Oid table = table_of_index(index);
#if PG_VERSION_NUM >= 170000
    const bool allowed =
        call([&] { return pg_class_aclcheck(table, GetUserId(), ACL_MAINTAIN); }) == ACLCHECK_OK;
    if (!allowed)
        call([&] { aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_INDEX, name->relname); });
#else
    if (!owns(RelationRelationId, index))
        call([&] { aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, name->relname); });
#endif
    if (call([&] { return IsCatalogRelationOid(table); }))
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED, "cannot reindex system catalogs concurrently");
#if PG_VERSION_NUM < 140000
    if (kind == RELKIND_PARTITIONED_INDEX)
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED,
               "REINDEX is not yet implemented for partitioned indexes");
#endif
    check_reindex_tablespace(statement);
    if (persistence_of(index) != RELPERSISTENCE_TEMP && excludes(index))
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED,
               "concurrent index creation for exclusion constraints is not supported");
}

void check_reindex_table(const ReindexStmt *statement) {
#if PG_VERSION_NUM >= 170000
    const Oid table = must_find(statement->relation, RangeVarCallbackMaintainsTable);
#else
    const Oid table = must_find(statement->relation, RangeVarCallbackOwnsTable);
#endif
    if (call([&] { return IsCatalogRelationOid(table); }))
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED, "cannot reindex system catalogs concurrently");
    check_reindex_tablespace(statement);
}

/* As ATExecDetachPartition() and MarkInheritDetached(). */
void check_detach(AlterTableStmt *statement, const RangeVar *partition) {
    const Oid parent = call([&] { return AlterTableLookupRelation(statement, NoLock); });
    if (!OidIsValid(parent)) // IF EXISTS
        return;
    const std::string name = call([&] { return get_rel_name(parent); });
#if PG_VERSION_NUM < 180000
    if (kind_of(parent) == RELKIND_RELATION)
        refuse(ERRCODE_INVALID_OBJECT_DEFINITION,
               "table " + quoted(name.c_str()) + " is not partitioned");
#endif
    if (kind_of(parent) != RELKIND_PARTITIONED_TABLE)
#if PG_VERSION_NUM >= 150000
        refuse(ERRCODE_WRONG_OBJECT_TYPE,
               "ALTER action DETACH PARTITION cannot be performed on relation " +
                   quoted(name.c_str()));
#else
        refuse(ERRCODE_WRONG_OBJECT_TYPE, quoted(name.c_str()) + " is not a table");
#endif
    if (OidIsValid(call([&] { return get_default_partition_oid(parent); })))
        refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
               "cannot detach partitions concurrently when a default partition exists");
    const Oid part = must_find(partition, nullptr);
    struct child {
        Oid oid;
        bool pending;
    };
    bool found = false;
    for (const child &one : catalog_rows<child>(
             InheritsRelationId, InheritsParentIndexId, {{Anum_pg_inherits_inhparent, parent}},
             [](HeapTuple tuple, child &row) {
                 auto *form = reinterpret_cast<Form_pg_inherits>(GETSTRUCT(tuple));
                 row.oid = form->inhrelid;
#if PG_VERSION_NUM >= 140000
                 row.pending = form->inhdetachpending;
#endif
                 return true;
             })) {
        if (one.pending)
            refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                   "partition " + quoted(call([&] { return get_rel_name(one.oid); })) +
                       " already pending detach in partitioned table \"" +
                       call([&] { return get_namespace_name(get_rel_namespace(parent)); }) + "." +
                       name + "\"",
                   "Use ALTER TABLE ... DETACH PARTITION ... FINALIZE to complete the pending "
                   "detach operation.");
        found = found || one.oid == part;
    }
    if (!found)
        refuse(ERRCODE_UNDEFINED_TABLE,
               "relation " + quoted(call([&] { return get_rel_name(part); })) +
                   " is not a partition of relation " + quoted(name.c_str()));
}

void check(Node *node) {
    switch (nodeTag(node)) {
    case T_IndexStmt:
        if (auto *statement = reinterpret_cast<IndexStmt *>(node); statement->concurrent)
            check_create_index(statement);
        return;
    case T_DropStmt:
        if (auto *statement = reinterpret_cast<DropStmt *>(node); statement->concurrent)
            check_drop_index(statement);
        return;
    case T_ReindexStmt: {
        auto *statement = reinterpret_cast<ReindexStmt *>(node);
        const bool concurrently = call([&] { return reindexes_concurrently(statement); });
        if (statement->kind != REINDEX_OBJECT_INDEX && statement->kind != REINDEX_OBJECT_TABLE)
            check_reindex_many(statement, concurrently);
        else if (concurrently && statement->kind == REINDEX_OBJECT_INDEX)
            check_reindex_index(statement);
        else if (concurrently)
            check_reindex_table(statement);
        return;
    }
    case T_AlterTableStmt: {
        auto *statement = reinterpret_cast<AlterTableStmt *>(node);
        if (const RangeVar *partition = concurrently_detached(statement))
            check_detach(statement, partition);
        return;
    }
    default:
        check_at_top_level(node);
    }
}

} // namespace

void check_form(std::string_view text) {
    memory_context memory("confiture statement");
    memory_scope scope(memory);
    const std::string terminated(text);
    subtransaction looking; // takes back the locks, and what an error leaves
    try {
        check(parse_statement(terminated.c_str())->stmt);
    } catch (...) {
        looking.roll_back();
        throw;
    }
    looking.roll_back();
}

} // namespace confiture::pg
