/* ALTER TABLE: the server's own lock level for the whole, and what each of its parts adds. */
#include "pg/boundary.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/expressions.hpp"
#include "pg/prediction/predictor.hpp"

extern "C" {
#include "access/attnum.h"
#include "access/tableam.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "nodes/makefuncs.h"
#include "utils/reltrigger.h"
}

namespace confiture::pg {

static Form_pg_class row_of(Relation opened) { return opened->rd_rel; }

/* NotNullImpliedByRelConstraints() is not exported; what a partition's bounds are checked with is.
 * It plans the CHECK constraints: nothing is told where they are not built in. */
static std::optional<bool> implies_not_null(Oid table, AttrNumber column) {
    cached_relation opened(table);
    if (opened && !has_built_in_checks(opened.get()))
        return std::nullopt;
    return opened && call([&] {
               Form_pg_attribute attribute = TupleDescAttr(opened->rd_att, column - 1);
               NullTest *test = makeNode(NullTest);
               test->arg = reinterpret_cast<Expr *>(makeVar(1, column, attribute->atttypid,
                                                            attribute->atttypmod,
                                                            attribute->attcollation, 0));
               test->nulltesttype = IS_NOT_NULL;
               test->location = -1;
               return PartConstraintImpliedByRelConstraint(opened.get(), list_make1(test));
           });
}

/* A column that is NOT NULL already is left alone, and its children, too. */
void predictor::set_not_null(Oid table, const char *column, bool recurse, LOCKMODE mode) {
    const auto already = [&](Oid one) {
        const AttrNumber number = call([&] { return get_attnum(one, column); });
        cached_relation opened(one);
        if (!opened || number == InvalidAttrNumber)
            return false;
#if PG_VERSION_NUM >= 180000
        if (TupleDescCompactAttr(opened->rd_att, number - 1)->attnullability == ATTNULLABLE_INVALID)
            return false; // NOT VALID so far
#endif
        return bool{TupleDescAttr(opened->rd_att, number - 1)->attnotnull};
    };
    relation(table, {mode});
    std::vector<Oid> tables;
    if (recurse || (kind_of(table) == RELKIND_PARTITIONED_TABLE && PG_VERSION_NUM < 180000))
        tables = inheritors_of(table);
    if (already(table)) {
        for (Oid one : tables)
            relation(one, {mode,
                           {},
                           {!already(one), likely},
                           likely,
                           "minor releases differ in whether they go on to the children"});
        return;
    }
    tables.push_back(table);
    for (Oid one : tables) {
        const AttrNumber number = call([&] { return get_attnum(one, column); });
        const auto implied =
            number == InvalidAttrNumber ? std::nullopt : implies_not_null(one, number);
        if (number != InvalidAttrNumber && already(one))
            relation(one, {mode});
        else if (implied)
            relation(one, scanning(mode, !*implied));
        else // an earlier statement of the script makes the column, or a user's function checks it
            relation(
                one,
                {mode, {}, {true, likely}, certain, "a valid CHECK constraint spares the scan"});
    }
}

/* Triggers FOR EACH ROW are those of the partitions, too. */
void predictor::enable_triggers(Oid table, const AlterTableCmd *command, bool recurse,
                                LOCKMODE mode) {
    relation(table, {mode});
    const bool of_users =
        command->subtype == AT_EnableTrigUser || command->subtype == AT_DisableTrigUser;
    if (!recurse || kind_of(table) != RELKIND_PARTITIONED_TABLE)
        return;
    cached_relation opened(table);
    const TriggerDesc *triggers = opened ? opened->trigdesc : nullptr;
    for (int i = 0; triggers && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (TRIGGER_FOR_ROW(trigger.tgtype) && !(of_users && trigger.tgisinternal) &&
            (!command->name || std::strcmp(command->name, trigger.tgname) == 0))
            return inheritors(table, {mode});
    }
}

void predictor::alter_one(Oid table, const AlterTableStmt *whole, const AlterTableCmd *command,
                          LOCKMODE mode) {
    const bool recurse = whole->relation->inh;
    cached_relation opened(table);
    if (!opened)
        return;
    if (row_of(opened.get())->relkind == RELKIND_COMPOSITE_TYPE &&
        command->behavior == DROP_CASCADE)
        typed_tables(row_of(opened.get())->reltype,
                     command->subtype == AT_AlterColumnType
                         ? effect{mode,
                                  {true, likely},
                                  {true, likely},
                                  certain,
                                  "the type of a column changes with that of the attribute"}
                         : effect{mode});
    switch (command->subtype) {
    case AT_AddColumn:
        if (command->missing_ok && !book_.touched(table) && call([&] {
                return get_attnum(table, reinterpret_cast<ColumnDef *>(command->def)->colname) !=
                       InvalidAttrNumber;
            }))
            return relation(table, {mode});
        add_column(table, reinterpret_cast<ColumnDef *>(command->def), recurse, mode);
        break;
    case AT_DropColumn:
        return drop_column(table, command, recurse, mode);
    case AT_AlterColumnType:
        return alter_column_type(table, command, mode);
    case AT_AddConstraint:
        return add_constraint(table, reinterpret_cast<Constraint *>(command->def), recurse, mode);
    case AT_DropConstraint:
        return drop_constraint(table, command, recurse, mode);
    case AT_ValidateConstraint:
        return validate_constraint(table, command->name, recurse, mode);
    case AT_AlterConstraint:
        return alter_constraint(table, command, mode);
    case AT_SetNotNull:
        return set_not_null(table, command->name, recurse, mode);
#if PG_VERSION_NUM >= 170000
    case AT_SetExpression:
        return set_expression(table, command->name, mode);
#endif
    case AT_SetLogged:
    case AT_SetUnLogged: {
        const char wanted =
            command->subtype == AT_SetLogged ? RELPERSISTENCE_PERMANENT : RELPERSISTENCE_UNLOGGED;
#if PG_VERSION_NUM >= 150000
        owned_sequences(table, InvalidAttrNumber);
#endif
        return relation(table, row_of(opened.get())->relpersistence == wanted ? effect{mode}
                                                                              : rewriting(mode));
    }
#if PG_VERSION_NUM >= 150000
    case AT_SetAccessMethod: {
        const char *const name = command->name ? command->name : default_table_access_method;
        const Oid wanted = call([&] { return get_table_am_oid(name, true); });
        return relation(table,
                        wanted != row_of(opened.get())->relam ? rewriting(mode) : effect{mode});
    }
#endif
    case AT_SetTableSpace: {
        const Oid wanted = call([&] { return get_tablespace_oid(command->name, true); });
        const Oid now = row_of(opened.get())->reltablespace;
        const bool moves = wanted != (OidIsValid(now) ? now : MyDatabaseTableSpace);
        return relation(table, {mode, {moves, certain}}); // its blocks are copied as they are
    }
    case AT_AttachPartition:
        return attach_partition(table, reinterpret_cast<PartitionCmd *>(command->def), mode);
    case AT_DetachPartition:
        return detach_partition(table, reinterpret_cast<PartitionCmd *>(command->def), mode);
#if PG_VERSION_NUM >= 140000
    case AT_DetachPartitionFinalize: {
        relation(table, {mode});
        const Oid part =
            named(reinterpret_cast<PartitionCmd *>(command->def)->name, {AccessExclusiveLock});
        inheritors(part, {AccessExclusiveLock});
        for (const foreign_key &key : foreign_keys_of(part))
            with_inheritors(key.referenced,
                            perhaps(ShareRowExclusiveLock, "the partition keeps its foreign key"));
        return;
    }
#endif
    case AT_AddIdentity:
    case AT_SetIdentity:
    case AT_DropIdentity:
        relation(table, {mode});
        owned_sequences(table, call([&] { return get_attnum(table, command->name); }));
        if (PG_VERSION_NUM >= 170000 && kind_of(table) == RELKIND_PARTITIONED_TABLE)
            inheritors(table, {mode});
        return;
    case AT_ChangeOwner:
        owned_sequences(table, InvalidAttrNumber);
        return relation(table, {mode});
    case AT_AddInherit:
        relation(table, {mode});
        book_.link(script_link::kind::child,
                   named(reinterpret_cast<RangeVar *>(command->def), {ShareUpdateExclusiveLock}),
                   table);
        return;
    case AT_DropInherit:
        relation(table, {mode});
        named(reinterpret_cast<RangeVar *>(command->def), {AccessShareLock});
        return;
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_EnableTrigAll:
    case AT_EnableTrigUser:
    case AT_DisableTrig:
    case AT_DisableTrigAll:
    case AT_DisableTrigUser:
        return enable_triggers(table, command, recurse, mode);
    case AT_DropNotNull:
    case AT_ColumnDefault:
    case AT_SetStatistics:
    case AT_SetStorage:
    case AT_DropExpression:
        relation(table, {mode});
        if (recurse)
            inheritors(table, {mode});
        break;
    default:
        relation(table, {mode});
    }
}

void predictor::alter_table(const AlterTableStmt *statement) {
    const LOCKMODE mode = call([&] { return AlterTableGetLockLevel(statement->cmds); });
    if (statement->missing_ok && !OidIsValid(find(statement->relation)))
        return;
    const Oid table = named(statement->relation, {mode});
    if (!OidIsValid(table))
        return;
    ListCell *cell;
    const bool touched = book_.touched(table) != nullptr;
    foreach (cell, statement->cmds) {
        auto *command = static_cast<AlterTableCmd *>(lfirst(cell));
        if (book_.is_made(table)) {
            alter_made(table, statement, command, mode);
            continue;
        }
        alter_one(table, statement, command, mode);
        if (touched) {
            alter_touched(table, command, mode);
            alter_partners(table, command);
        }
    }
}

} // namespace confiture::pg
