/* ALTER TABLE: the server's own lock levels, and which of its forms rewrite or scan. */
#include "pg/boundary.hpp"
#include "pg/predictor.hpp"

extern "C" {
#include "access/genam.h"
#include "access/tupdesc.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "commands/typecmds.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
#include "parser/parse_type.h"
#include "utils/fmgroids.h"
#include "utils/typcache.h"
}

namespace confiture::pg {

namespace {

/* Foreign keys of a table (conrelid) or to it (confrelid): the tables at their other end. */
std::vector<Oid> partners(Oid table, AttrNumber column, bool other_is_referenced) {
    struct list {
        Oid *tables;
        int count;
    };
    const list found = call([&]() -> list {
        Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
        ScanKeyData key;
        ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
        const bool indexed = column == Anum_pg_constraint_conrelid;
        SysScanDesc scan =
            systable_beginscan(catalog, indexed ? ConstraintRelidTypidNameIndexId : InvalidOid,
                               indexed, nullptr, 1, &key);
        list result{static_cast<Oid *>(palloc(sizeof(Oid) * 8)), 0};
        int room = 8;
        while (HeapTuple tuple = systable_getnext(scan)) {
            auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
            if (row->contype != CONSTRAINT_FOREIGN)
                continue;
            if (result.count == room)
                result.tables = static_cast<Oid *>(
                    repalloc(result.tables, sizeof(Oid) * static_cast<unsigned>(room *= 2)));
            result.tables[result.count++] = other_is_referenced ? row->confrelid : row->conrelid;
        }
        systable_endscan(scan);
        table_close(catalog, AccessShareLock);
        return result;
    });
    return {found.tables, found.tables + found.count};
}

struct named_constraint {
    char kind;
    bool validated;
    Oid referenced;
};

named_constraint find_constraint(Oid table, const char *name) {
    return call([&]() -> named_constraint {
        const Oid oid = get_relation_constraint_oid(table, name, true);
        HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(oid));
        if (!HeapTupleIsValid(tuple))
            return {'\0', true, InvalidOid};
        auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
        const named_constraint found{row->contype, row->convalidated, row->confrelid};
        ReleaseSysCache(tuple);
        return found;
    });
}

bool is_serial(const char *name) {
    for (const char *serial :
         {"smallserial", "serial2", "serial", "serial4", "bigserial", "serial8"})
        if (std::strcmp(name, serial) == 0)
            return true;
    return false;
}

bool is_volatile(const Node *raw) {
    return call([&] {
        ParseState *state = make_parsestate(nullptr);
        return contain_volatile_functions(transformExpr(
            state, static_cast<Node *>(copyObjectImpl(raw)), EXPR_KIND_COLUMN_DEFAULT));
    });
}

} // namespace

void predictor::referenced_tables(Oid table, LOCKMODE mode) {
    if (OidIsValid(table))
        for (Oid other : partners(table, Anum_pg_constraint_conrelid, true))
            if (other != table)
                relation(other, {mode, false, false,
                                 mode < ShareLock ? certainty::likely : certainty::certain,
                                 mode < ShareLock ? "only where a row has to be checked" : ""});
}

void predictor::referencing_tables(Oid table, LOCKMODE mode) {
    if (OidIsValid(table))
        for (Oid other : partners(table, Anum_pg_constraint_confrelid, false))
            if (other != table)
                relation(other, {mode, false, false,
                                 mode < ShareLock ? certainty::likely : certainty::certain,
                                 mode < ShareLock ? "only where a row has to be checked" : ""});
}

void predictor::add_constraint(Oid table, const Constraint *constraint, LOCKMODE mode) {
    const bool checks = !constraint->skip_validation;
    switch (constraint->contype) {
    case CONSTR_FOREIGN:
        named(constraint->pktable, {ShareRowExclusiveLock, false, checks});
        relation(table, {ShareRowExclusiveLock, false, checks});
        break;
    case CONSTR_PRIMARY:
    case CONSTR_UNIQUE:
    case CONSTR_EXCLUSION:
        relation(table,
                 {mode, false, !constraint->indexname || constraint->contype == CONSTR_PRIMARY,
                  certainty::certain});
        break;
    case CONSTR_CHECK:
    case CONSTR_NOTNULL:
        relation(table, {mode, false, checks});
        with_children(table, {mode, false, checks});
        break;
    default:
        relation(table, {mode});
    }
}

/* A default that is the same for every row is stored once (since 11); others are computed for each.
 */
void predictor::add_column(Oid table, const ColumnDef *column, LOCKMODE mode) {
    effect what{mode};
    ListCell *cell;
    foreach (cell, column->constraints) {
        auto *constraint = static_cast<Constraint *>(lfirst(cell));
        if (constraint->contype == CONSTR_DEFAULT && constraint->raw_expr) {
            const Node *raw = constraint->raw_expr;
            const bool constant = IsA(raw, A_Const) ||
                                  (IsA(raw, TypeCast) &&
                                   IsA(reinterpret_cast<const TypeCast *>(raw)->arg, A_Const)) ||
                                  IsA(raw, SQLValueFunction);
            what.rewrites = what.rewrites || (!constant && is_volatile(raw));
        } else if (constraint->contype == CONSTR_GENERATED) {
#if PG_VERSION_NUM >= 180000
            what.rewrites = what.rewrites || constraint->generated_kind == 's';
#else
            what.rewrites = true;
#endif
        } else if (constraint->contype == CONSTR_IDENTITY)
            what.rewrites = true;
        else if (constraint->contype == CONSTR_FOREIGN)
            named(constraint->pktable, {ShareRowExclusiveLock, false, true});
        else if (constraint->contype == CONSTR_PRIMARY || constraint->contype == CONSTR_UNIQUE ||
                 constraint->contype == CONSTR_CHECK)
            what.scans = true;
        else if (constraint->contype == CONSTR_NOTNULL)
            what.scans = true;
    }
    const char *type =
        list_length(column->typeName->names) > 0 ? strVal(llast(column->typeName->names)) : "";
    if (is_serial(type))
        what.rewrites = true;
    else {
        const Oid type_oid = call([&] {
            Type found = LookupTypeName(nullptr, column->typeName, nullptr, true);
            const Oid oid = found ? typeTypeId(found) : InvalidOid;
            if (found)
                ReleaseSysCache(reinterpret_cast<HeapTuple>(found));
            return oid;
        });
        if (OidIsValid(type_oid) && call([&] { return DomainHasConstraints(type_oid); }))
            what.rewrites = true;
    }
    what.scans = what.scans || what.rewrites;
    relation(table, what);
    with_children(table, what);
}

/* As ATColumnChangeRequiresRewrite(): no rewrite where the bits stay what they are. */
void predictor::alter_column_type(Oid table, const AlterTableCmd *command, LOCKMODE mode) {
    auto *column = reinterpret_cast<ColumnDef *>(command->def);
    struct types {
        Oid from, to;
        int32 from_modifier, to_modifier;
        bool known;
    };
    const types change = call([&]() -> types {
        types found{};
        const AttrNumber number = get_attnum(table, command->name);
        Type type = LookupTypeName(nullptr, column->typeName, &found.to_modifier, true);
        if (number == InvalidAttrNumber || !type)
            return found;
        found.to = typeTypeId(type);
        ReleaseSysCache(reinterpret_cast<HeapTuple>(type));
        Oid collation;
        get_atttypetypmodcoll(table, number, &found.from, &found.from_modifier, &collation);
        found.known = true;
        return found;
    });
    effect what{mode};
    if (!change.known || column->raw_default) {
        what.rewrites = true;
        what.sure = certainty::likely;
        what.reason = "a USING expression may leave the rows as they are";
    } else if (change.from != change.to) {
        what.rewrites = !call([&] { return IsBinaryCoercible(change.from, change.to); }) ||
                        (change.to_modifier >= 0 && change.to_modifier != change.from_modifier);
    } else if (change.from_modifier != change.to_modifier && change.to_modifier >= 0) {
        const bool widens = (change.to == VARCHAROID || change.to == VARBITOID) &&
                            change.from_modifier >= 0 && change.to_modifier >= change.from_modifier;
        const bool widens_numeric = change.to == NUMERICOID && change.from_modifier >= 0 &&
                                    ((change.from_modifier ^ change.to_modifier) & 0xFFFF) == 0 &&
                                    change.to_modifier >= change.from_modifier;
        what.rewrites = !widens && !widens_numeric;
        what.sure = what.rewrites ? certainty::likely : certainty::certain;
    }
    what.scans = what.rewrites;
    relation(table, what);
    with_children(table, what);
    for (Oid other : partners(table, Anum_pg_constraint_conrelid, true))
        relation(other, {ShareRowExclusiveLock, false, false, certainty::likely,
                         "only where the column is part of the foreign key"});
    for (Oid other : partners(table, Anum_pg_constraint_confrelid, false))
        relation(other, {AccessExclusiveLock, false, false, certainty::likely,
                         "only where the column is part of the foreign key"});
}

void predictor::drop_constraint(Oid table, const char *name) {
    relation(table, {AccessExclusiveLock});
    if (!OidIsValid(table) || !name)
        return;
    const named_constraint found = find_constraint(table, name);
    if (found.kind == CONSTRAINT_FOREIGN)
        relation(found.referenced, {AccessExclusiveLock});
    with_children(table, {AccessExclusiveLock});
}

void predictor::validate_constraint(Oid table, const char *name) {
    if (!OidIsValid(table) || !name)
        return;
    const named_constraint found = find_constraint(table, name);
    relation(table, {ShareUpdateExclusiveLock, false, !found.validated});
    if (found.kind == CONSTRAINT_FOREIGN && !found.validated)
        relation(found.referenced, {RowShareLock, false, true});
}

void predictor::alter_one(Oid table, const AlterTableCmd *command, LOCKMODE mode) {
    switch (command->subtype) {
    case AT_AddColumn:
        return add_column(table, reinterpret_cast<ColumnDef *>(command->def), mode);
    case AT_AlterColumnType:
        return alter_column_type(table, command, mode);
    case AT_AddConstraint:
        return add_constraint(table, reinterpret_cast<Constraint *>(command->def), mode);
    case AT_DropConstraint:
        return drop_constraint(table, command->name);
    case AT_ValidateConstraint:
        return validate_constraint(table, command->name);
    case AT_SetNotNull:
        relation(table, {mode, false, true, certainty::likely,
                         "a valid CHECK constraint spares the scan"});
        with_children(table, {mode, false, true, certainty::likely,
                              "a valid CHECK constraint spares the scan"});
        return;
    case AT_SetLogged:
    case AT_SetUnLogged:
        relation(table, {mode, true, true});
        return;
    case AT_AttachPartition: {
        auto *partition = reinterpret_cast<PartitionCmd *>(command->def);
        relation(table, {ShareUpdateExclusiveLock});
        named(partition->name, {AccessExclusiveLock, false, true, certainty::likely,
                                "a valid CHECK constraint spares the scan"});
        return;
    }
    case AT_DetachPartition: {
        auto *partition = reinterpret_cast<PartitionCmd *>(command->def);
        relation(table, {mode});
        named(partition->name, {AccessExclusiveLock});
        return;
    }
    case AT_AddInherit:
    case AT_DropInherit:
        relation(table, {mode});
        named(reinterpret_cast<RangeVar *>(command->def), {ShareUpdateExclusiveLock});
        return;
    case AT_DropColumn:
    case AT_DropNotNull:
    case AT_ColumnDefault:
        relation(table, {mode});
        with_children(table, {mode});
        return;
    default:
        relation(table, {mode});
    }
}

void predictor::alter_table(const AlterTableStmt *statement) {
    const LOCKMODE mode = call([&] { return AlterTableGetLockLevel(statement->cmds); });
    if (statement->missing_ok &&
        !OidIsValid(call([&] { return RangeVarGetRelid(statement->relation, NoLock, true); })))
        return;
    const Oid table = named(statement->relation, {mode});
    if (!OidIsValid(table))
        return;
    ListCell *cell;
    foreach (cell, statement->cmds)
        alter_one(table, static_cast<AlterTableCmd *>(lfirst(cell)), mode);
}

} // namespace confiture::pg
