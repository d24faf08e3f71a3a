/* Statements that name what they work on: COMMENT, RENAME, LOCK, REINDEX, REFRESH, ANALYZE … */
#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/predictor.hpp"

extern "C" {
#include "access/attnum.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
}

namespace confiture::pg {

/* As get_object_address(): relations are locked as the object would be, parts of one less. */
void predictor::comment(ObjectType type, Node *object) {
    if (!IsA(object, List))
        return;
    auto *parts = reinterpret_cast<List *>(object);
    LOCKMODE mode = ShareUpdateExclusiveLock;
    bool part = false;
    switch (type) {
    case OBJECT_TABLE:
    case OBJECT_INDEX:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_SEQUENCE:
    case OBJECT_FOREIGN_TABLE:
        break;
    case OBJECT_COLUMN:
        part = true;
        break;
    case OBJECT_TABCONSTRAINT:
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_POLICY:
        part = true;
        mode = AccessShareLock;
        break;
    default:
        return;
    }
    if (!part || list_length(parts) > 1)
        named(call([&] {
                  return makeRangeVarFromNameList(
                      part ? list_truncate(list_copy(parts), list_length(parts) - 1) : parts);
              }),
              {mode});
}

/* Tables OF a composite type follow it. */
void predictor::typed_tables(Oid type, const effect &what) {
    struct row {
        Oid table;
    };
    for (const row &one :
         catalog_rows<row>(RelationRelationId, InvalidOid, {{Anum_pg_class_reloftype, type}},
                           [](HeapTuple tuple, row &found) {
                               found.table = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->oid;
                               return true;
                           }))
        with_inheritors(one.table, what);
}

void predictor::rename(const RenameStmt *statement) {
    if (!statement->relation)
        return;
    if (statement->missing_ok && !OidIsValid(find(statement->relation)))
        return;
    const bool index = kind_of(find(statement->relation)) == RELKIND_INDEX ||
                       kind_of(find(statement->relation)) == RELKIND_PARTITIONED_INDEX;
    const Oid oid = named(statement->relation, {index && statement->renameType != OBJECT_COLUMN
                                                    ? ShareUpdateExclusiveLock
                                                    : AccessExclusiveLock});
    if (!OidIsValid(oid))
        return;
    switch (statement->renameType) {
    case OBJECT_COLUMN:
        if (statement->relation->inh)
            inheritors(oid, {AccessExclusiveLock});
        return;
    case OBJECT_ATTRIBUTE:
        if (statement->behavior == DROP_CASCADE)
            typed_tables(call([&] { return get_rel_type_id(oid); }), {AccessExclusiveLock});
        return;
    case OBJECT_TABCONSTRAINT: {
        const bool checks = call([&] {
            HeapTuple tuple = SearchSysCache1(
                CONSTROID,
                ObjectIdGetDatum(get_relation_constraint_oid(oid, statement->subname, true)));
            if (!HeapTupleIsValid(tuple))
                return false;
            auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
            const bool inherited = row->contype != CONSTRAINT_FOREIGN && !row->connoinherit &&
                                   !OidIsValid(row->conindid);
            ReleaseSysCache(tuple);
            return inherited;
        });
        if (checks && statement->relation->inh)
            inheritors(oid, {AccessExclusiveLock});
        return;
    }
    case OBJECT_TRIGGER:
#if PG_VERSION_NUM >= 150000
        if (kind_of(oid) == RELKIND_PARTITIONED_TABLE)
            inheritors(oid, {AccessExclusiveLock});
#endif
        return;
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_FOREIGN_TABLE:
    case OBJECT_SEQUENCE:
    case OBJECT_INDEX:
        return book_.rename(oid, schema_of(oid), statement->newname);
    default:
        return;
    }
}

void predictor::set_schema(const AlterObjectSchemaStmt *statement) {
    if (!statement->relation || (statement->missing_ok && !OidIsValid(find(statement->relation))))
        return;
    const Oid oid = named(statement->relation, {AccessExclusiveLock});
    owned_sequences(oid, InvalidAttrNumber);
    if (OidIsValid(oid))
        book_.rename(oid, statement->newschema, statement->relation->relname);
}

/* An index is read from its table; a table without one has nothing to do.  Each index is locked out
 * for a moment at least: to plan a query on the table is to lock all of its indexes. */
void predictor::reindex_table(Oid table, bool concurrently) {
    std::vector<Oid> tables =
        kind_of(table) == RELKIND_PARTITIONED_TABLE && PG_VERSION_NUM >= 140000
            ? inheritors_of(table)
            : std::vector<Oid>();
    const bool tree = !tables.empty();
    tables.push_back(table);
    for (Oid one : tables) {
        const bool whole = kind_of(one) == RELKIND_PARTITIONED_TABLE;
        const std::vector<oid> indexes =
            book_.is_made(one) || whole ? std::vector<oid>() : pg::indexes_of(one);
        const bool reads = (!indexes.empty() || book_.touched(one)) && !whole;
        // Those of a tree are listed under ShareLock first.
        relation(one,
                 scanning(concurrently && !tree ? ShareUpdateExclusiveLock : ShareLock, reads));
        for (oid index : indexes)
            relation(index, {concurrently ? ShareUpdateExclusiveLock : AccessExclusiveLock});
    }
}

void predictor::reindex_index(Oid index, bool concurrently) {
    const LOCKMODE of_index = concurrently ? ShareUpdateExclusiveLock : AccessExclusiveLock;
    const LOCKMODE of_table = concurrently ? ShareUpdateExclusiveLock : ShareLock;
    std::vector<Oid> indexes =
        kind_of(index) == RELKIND_PARTITIONED_INDEX ? inheritors_of(index) : std::vector<Oid>();
    const bool tree = !indexes.empty();
    indexes.push_back(index);
    for (Oid one : indexes) {
        const bool whole = kind_of(one) == RELKIND_PARTITIONED_INDEX;
        relation(one, {of_index, {}, {}, whole ? likely : certain});
        effect what = scanning(tree ? ShareLock : of_table, !whole);
        what.locks = whole ? likely : certain;
        relation(table_of_index(one), what);
    }
}

void predictor::reindex(const ReindexStmt *statement) {
    const bool concurrently = reindexes_concurrently(statement);
    switch (statement->kind) {
    case REINDEX_OBJECT_TABLE:
        if (const Oid table = find(statement->relation); OidIsValid(table))
            return reindex_table(table, concurrently);
        named(statement->relation, {ShareLock});
        return;
    case REINDEX_OBJECT_INDEX:
        if (const Oid index = find(statement->relation); OidIsValid(index))
            return reindex_index(index, concurrently);
        named(statement->relation, {AccessExclusiveLock});
        return tables_of_unnamed_indexes(ShareLock);
    default:
        return open("it works on every table of the schema or database");
    }
}

/* Only the trigger's table is opened for it. */
void predictor::depends_on_extension(const AlterObjectDependsStmt *statement) {
    if (statement->relation)
        named(statement->relation,
              {statement->objectType == OBJECT_TRIGGER ? AccessShareLock : AccessExclusiveLock});
}

void predictor::refresh(const RefreshMatViewStmt *statement) {
    effect what{statement->concurrent ? ExclusiveLock : AccessExclusiveLock};
    what.rewrites.expected = !statement->concurrent;
    what.planned = true; // compared with the new rows, or indexed anew
    const Oid view = named(statement->relation, what);
    if (!OidIsValid(view) || statement->skipData)
        return;
    const std::size_t first = found_.size();
    expand_rules(view, CMD_SELECT, false);
    read_made(view, AccessShareLock);
    read_rows_since(first);
}

void predictor::cluster(const RangeVar *table) {
    if (!table)
        return open("it works on every table that was clustered before");
    const Oid oid = named(table, rewriting(AccessExclusiveLock));
    if (kind_of(oid) == RELKIND_PARTITIONED_TABLE)
        for (Oid part : inheritors_of(oid))
            if (kind_of(part) != RELKIND_PARTITIONED_TABLE)
                relation(part, rewriting(AccessExclusiveLock));
}

/* Analysing reads a sample of the pages, which the server does not count as a scan. */
void predictor::vacuum(const VacuumStmt *statement) {
    bool full = false, analyses = !statement->is_vacuumcmd;
    ListCell *cell;
    foreach (cell, statement->options) {
        auto *option = static_cast<DefElem *>(lfirst(cell));
        if (std::strcmp(option->defname, "full") == 0)
            full = call([&] { return defGetBoolean(option); });
        else if (std::strcmp(option->defname, "analyze") == 0)
            analyses = call([&] { return defGetBoolean(option); });
    }
    if (!statement->rels)
        return open("it works on every table of the database");
    const effect what =
        full ? rewriting(AccessExclusiveLock) : effect{ShareUpdateExclusiveLock, {}, {}};
    foreach (cell, statement->rels) {
        const RangeVar *variable = static_cast<VacuumRelation *>(lfirst(cell))->relation;
        const Oid oid = named(variable, what);
#if PG_VERSION_NUM >= 180000
        if (variable->inh)
            inheritors(oid, what);
        else if (analyses) // the rows of all are sampled for the parent
            inheritors(oid, {AccessShareLock});
#else
        if (kind_of(oid) == RELKIND_PARTITIONED_TABLE)
            inheritors(oid, what);
        else if (analyses)
            inheritors(oid, {AccessShareLock});
#endif
    }
}

/* As LockViewRecurse(): what a view selects from is locked in the same mode. */
void predictor::lock_view(Oid view, LOCKMODE mode) {
    predictor inside(book_, origin_);
    inside.expand_rules(view, CMD_SELECT, false);
    inside.read_made(view, AccessShareLock);
    for (const prediction &one : inside.take())
        relation(one.relation, {mode});
}

void predictor::lock(const LockStmt *statement) {
    ListCell *cell;
    foreach (cell, statement->relations) {
        auto *variable = static_cast<RangeVar *>(lfirst(cell));
        const Oid oid = named(variable, {statement->mode});
        if (kind_of(oid) == RELKIND_VIEW)
            lock_view(oid, statement->mode);
        else if (variable->inh)
            inheritors(oid, {statement->mode});
    }
}

/* Before 18 only the rows of pg_class are locked. */
void predictor::grant(const GrantStmt *statement) {
#if PG_VERSION_NUM >= 180000
    ListCell *cell;
    if (statement->targtype == ACL_TARGET_OBJECT &&
        (statement->objtype == OBJECT_TABLE || statement->objtype == OBJECT_SEQUENCE))
        foreach (cell, statement->objects)
            named(static_cast<RangeVar *>(lfirst(cell)), {AccessShareLock});
#else
    (void)statement;
#endif
}

/* get_rels_with_domain(): every table with a column of the type, read where rows are checked. */
void predictor::columns_of_domain(Oid domain, LOCKMODE mode, bool scans) {
    for (const dependent &one : dependents_of(TypeRelationId, domain, 0)) {
        if (one.class_id == TypeRelationId &&
            call([&] { return get_typtype(one.object_id); }) == TYPTYPE_DOMAIN)
            columns_of_domain(one.object_id, mode, scans);
        else if (one.class_id == RelationRelationId && one.sub_id > 0) {
            const char kind = kind_of(one.object_id);
            if (kind == RELKIND_RELATION || kind == RELKIND_MATVIEW)
                relation(one.object_id, scanning(mode, scans));
        }
    }
}

void predictor::alter_domain(const AlterDomainStmt *statement) {
    const Oid domain = call([&] {
        return LookupTypeNameOid(nullptr, makeTypeNameFromNameList(statement->typeName), true);
    });
    if (statement->subtype == 'O' || statement->subtype == 'C' || statement->subtype == 'V')
        for (const auto &[table, reason] : book_.all_touched()) // it may have such a column by now
            if (has_storage(table))
                relation(table, {ShareLock,
                                 {},
                                 {true, likely},
                                 likely,
                                 "an earlier statement may have made a column of the domain"});
    if (!OidIsValid(domain))
        return;
    switch (statement->subtype) {
    case 'O': // SET NOT NULL
        if (!call([&] {
                HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(domain));
                const bool already = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple))->typnotnull;
                ReleaseSysCache(tuple);
                return already;
            }))
            columns_of_domain(domain, ShareLock, true);
        return;
    case 'C': { // ADD CONSTRAINT
        auto *constraint = reinterpret_cast<Constraint *>(statement->def);
        if (!constraint->skip_validation)
            columns_of_domain(domain, ShareLock, true);
        return;
    }
    case 'V': // VALIDATE CONSTRAINT
        return columns_of_domain(domain, ShareLock, true);
    default:
        return;
    }
}

} // namespace confiture::pg
