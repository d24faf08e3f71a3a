/* Constraints: who is asked to agree, and who is read to check it. */
#include "pg/boundary.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/predictor.hpp"

extern "C" {
#include "catalog/pg_constraint.h"
}

namespace confiture::pg {

namespace {

struct constraint_row {
    Oid oid;
    char kind;
    bool validated, no_inherit;
    Oid referenced;
};

constraint_row find_constraint(Oid table, const char *name) {
    return call([&]() -> constraint_row {
        const Oid oid = get_relation_constraint_oid(table, name, true);
        HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(oid));
        if (!HeapTupleIsValid(tuple))
            return {};
        auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
        const constraint_row found{oid, row->contype, row->convalidated, row->connoinherit,
                                   row->confrelid};
        ReleaseSysCache(tuple);
        return found;
    });
}

const char *const checked_by_query = "the foreign key is checked by a query, which may use indexes";

} // namespace

void predictor::add_foreign_key(Oid table, const Constraint *constraint, bool checks,
                                bool recurse) {
    const effect what{
        ShareRowExclusiveLock, {}, {checks, likely}, certain, checks ? checked_by_query : ""};
    relation(table, what);
    const Oid referenced = named(constraint->pktable, what);
    if (recurse && kind_of(table) == RELKIND_PARTITIONED_TABLE)
        for (Oid part : inheritors_of(table)) {
            relation(part, what);
            keyed_already(part, referenced);
        }
    if (kind_of(referenced) == RELKIND_PARTITIONED_TABLE) {
        inheritors(referenced, what);
        bounds_of_partition(referenced);
    }
    book_.link(script_link::kind::foreign_key, table, referenced, constraint->fk_upd_action,
               constraint->fk_del_action);
}

/* A key that the partition has of its own becomes a part of the new one, and loses its triggers. */
void predictor::keyed_already(Oid part, Oid referenced) {
    static const char *const merged =
        "a foreign key that a partition has already is made a part of the new one";
    for (const foreign_key &key : foreign_keys_of(part))
        if (key.referenced == referenced) {
            relation(part, perhaps(AccessExclusiveLock, merged));
            with_inheritors(referenced, perhaps(AccessExclusiveLock, merged));
        }
}

/* PRIMARY KEY, UNIQUE and EXCLUDE: an index is built, of every partition, too. */
void predictor::add_index_constraint(Oid table, const Constraint *constraint, bool recurse,
                                     LOCKMODE mode) {
    const bool builds = !constraint->indexname;
    ListCell *cell;
    foreach (cell, constraint->exclusions)
        query(static_cast<IndexElem *>(linitial(static_cast<List *>(lfirst(cell))))->expr,
              depth::rewritten);
    query(constraint->where_clause, depth::rewritten);
    relation(table, scanning(mode, builds));
    if (recurse && kind_of(table) == RELKIND_PARTITIONED_TABLE) // what is deferrable has a trigger
        inheritors(table,
                   scanning(constraint->deferrable ? ShareRowExclusiveLock : ShareLock, builds));
    if (constraint->contype != CONSTR_PRIMARY)
        return;
    if (builds) {
#if PG_VERSION_NUM >= 180000
        if (kind_of(table) == RELKIND_PARTITIONED_TABLE)
            inheritors(table, {mode});
#endif
        foreach (cell, constraint->keys)
            set_not_null(table, strVal(lfirst(cell)), recurse, mode);
        return;
    }
    const Oid index =
        call([&] { return get_relname_relid(constraint->indexname, get_rel_namespace(table)); });
    cached_relation opened(index);
    for (int i = 0; opened && i < opened->rd_index->indnkeyatts; i++) {
        const char *column =
            call([&] { return get_attname(table, opened->rd_index->indkey.values[i], true); });
        if (column)
            set_not_null(table, column, recurse, mode);
    }
}

void predictor::add_constraint(Oid table, const Constraint *constraint, bool recurse,
                               LOCKMODE mode) {
    bool checks = !constraint->skip_validation;
#if PG_VERSION_NUM >= 180000
    checks = checks && constraint->is_enforced;
#endif
#if PG_VERSION_NUM >= 180000
    if (recurse) // all that inherit are locked first, whether they get the constraint or not
        inheritors(table, {mode});
#endif
    switch (constraint->contype) {
    case CONSTR_FOREIGN:
        return add_foreign_key(table, constraint, checks, recurse);
    case CONSTR_PRIMARY:
    case CONSTR_UNIQUE:
    case CONSTR_EXCLUSION:
        return add_index_constraint(table, constraint, recurse, mode);
    case CONSTR_CHECK:
        query(constraint->raw_expr, checks ? depth::rewritten : depth::analysed);
        relation(table, scanning(mode, checks));
        if (recurse && !constraint->is_no_inherit)
            inheritors(table, scanning(mode, checks));
        return;
#if PG_VERSION_NUM >= 180000
    case CONSTR_NOTNULL:
        if (!constraint->skip_validation)
            return set_not_null(table, strVal(linitial(constraint->keys)), recurse, mode);
        relation(table, {mode});
        if (recurse && !constraint->is_no_inherit)
            inheritors(table, {mode});
        return;
#endif
    default:
        relation(table, {mode});
    }
}

void predictor::drop_constraint(Oid table, const AlterTableCmd *command, bool recurse,
                                LOCKMODE mode) {
    relation(table, {mode});
    if (kind_of(table) == RELKIND_PARTITIONED_TABLE) // none of them may be in use
        inheritors(table, {mode, {}, {}, PG_VERSION_NUM >= 140000 ? certain : likely});
    const constraint_row found = find_constraint(table, command->name);
    if (!OidIsValid(found.oid))
        return;
    if (!recurse && !found.no_inherit)
        for (Oid child : children_of(table))
            relation(child, {mode});
    dropped({ConstraintRelationId, found.oid, 0}, command->behavior == DROP_CASCADE);
    with_inheritors(found.referenced, {mode});
    if (recurse && !found.no_inherit)
        inheritors(table, {mode});
}

void predictor::validate_constraint(Oid table, const char *name, bool recurse, LOCKMODE mode) {
    const constraint_row found = find_constraint(table, name);
    relation(table, {mode});
    if (!OidIsValid(found.oid) || found.validated)
        return;
    if (found.kind == CONSTRAINT_FOREIGN) {
        with_inheritors(table, {mode, {}, {true, likely}, certain, checked_by_query});
        with_inheritors(found.referenced,
                        {RowShareLock, {}, {true, likely}, certain, checked_by_query});
        return;
    }
    relation(table, scanning(mode));
    if (recurse && !found.no_inherit)
        inheritors(table, scanning(mode));
}

/* Whether it is deferred is written to the triggers at both ends, for which no lock is taken; what
 * is not enforced any more loses them, and gets them anew. */
void predictor::alter_constraint(Oid table, const AlterTableCmd *command, LOCKMODE mode) {
    relation(table, {mode});
    if (kind_of(table) == RELKIND_PARTITIONED_TABLE)
        inheritors(table, {mode});
#if PG_VERSION_NUM >= 180000
    auto *change = reinterpret_cast<ATAlterConstraint *>(command->def);
    const constraint_row found = find_constraint(table, change->conname);
    if (change->alterInheritability)
        inheritors(table, {mode});
    if (!change->alterEnforceability || found.kind != CONSTRAINT_FOREIGN)
        return;
    if (!change->is_enforced)
        return with_inheritors(found.referenced, {AccessExclusiveLock});
    const effect what{ShareRowExclusiveLock, {}, {true, likely}, certain, checked_by_query};
    with_inheritors(found.referenced, what);
    with_inheritors(table, {mode, {}, {true, likely}, certain, checked_by_query});
#else
    (void)command;
#endif
}

} // namespace confiture::pg
