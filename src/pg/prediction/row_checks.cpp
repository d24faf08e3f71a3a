/* What writing rows sets off: triggers, defaults, checks, and the foreign keys in both directions.
 */
#include "pg/boundary.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/predictor.hpp"

#include <algorithm>

extern "C" {
#include "access/tupdesc.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/reltrigger.h"
}

namespace confiture::pg {

static std::vector<foreign_key> foreign_keys(AttrNumber column, Oid table) {
    if (!OidIsValid(table))
        return {};
    const bool indexed = column == Anum_pg_constraint_conrelid;
    return catalog_rows<foreign_key>(
        ConstraintRelationId, indexed ? ConstraintRelidTypidNameIndexId : InvalidOid,
        {{column, table}}, [](HeapTuple tuple, foreign_key &found) {
            auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
            if (row->contype != CONSTRAINT_FOREIGN)
                return false;
            found.constraint = row->oid;
            found.table = row->conrelid;
            found.referenced = row->confrelid;
            found.parent = row->conparentid;
            found.on_update = row->confupdtype;
            found.on_delete = row->confdeltype;
            found.validated = row->convalidated;
            DeconstructFkConstraintRow(tuple, &found.count, found.columns, found.referenced_columns,
                                       nullptr, nullptr, nullptr
#if PG_VERSION_NUM >= 150000
                                       ,
                                       nullptr, nullptr
#endif
            );
            return true;
        });
}

std::vector<foreign_key> foreign_keys_of(Oid table) {
    return foreign_keys(Anum_pg_constraint_conrelid, table);
}

std::vector<foreign_key> foreign_keys_to(Oid table) {
    return foreign_keys(Anum_pg_constraint_confrelid, table);
}

Node *stored_expression(const char *text) {
    return call([&] { return static_cast<Node *>(stringToNode(const_cast<char *>(text))); });
}

static bool names_column(const List *columns, const char *name) {
    ListCell *cell;
    foreach (cell, columns) {
        auto *node = static_cast<Node *>(lfirst(cell));
        const char *column = IsA(node, ResTarget) ? reinterpret_cast<ResTarget *>(node)->name
                                                  : strVal(node); // COPY's list
        if (column && std::strcmp(column, name) == 0)
            return true;
    }
    return false;
}

/* Any trigger, default or CHECK constraint that a child or a copy would take over. */
bool predictor::sets_off_code(Oid table) {
    cached_relation opened(table);
    const TriggerDesc *triggers = opened ? opened->trigdesc : nullptr;
    for (int i = 0; triggers && i < triggers->numtriggers; i++)
        if (!triggers->triggers[i].tgisinternal && function_runs_code(triggers->triggers[i].tgfoid))
            return true;
    const TupleConstr *constraints = opened ? opened->rd_att->constr : nullptr;
    for (int i = 0; constraints && i < constraints->num_defval; i++)
        if (runs_code(stored_expression(constraints->defval[i].adbin)))
            return true;
    for (int i = 0; constraints && i < constraints->num_check; i++)
        if (runs_code(stored_expression(constraints->check[i].ccbin)))
            return true;
    return false;
}

/* Triggers of the event, and functions in defaults, generated columns and CHECK constraints. */
void predictor::code_of_rows(Oid table, const row_event &event) {
    if (book_.has_code(table))
        return unknown("an earlier statement adds code that rows set off");
    cached_relation opened(table);
    if (!opened)
        return;
    const TriggerDesc *triggers = opened->trigdesc;
    for (int i = 0; triggers && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        const bool fires = (event.inserts && TRIGGER_FOR_INSERT(trigger.tgtype)) ||
                           (event.updates && TRIGGER_FOR_UPDATE(trigger.tgtype)) ||
                           (event.deletes && TRIGGER_FOR_DELETE(trigger.tgtype));
        if (fires && !trigger.tgisinternal && trigger.tgenabled != TRIGGER_DISABLED &&
            function_runs_code(trigger.tgfoid))
            return unknown(std::string("the trigger ") + trigger.tgname + " runs code");
    }
    const TupleConstr *constraints = opened->rd_att->constr;
    if (!constraints || !(event.inserts || event.updates))
        return;
    for (int i = 0; i < constraints->num_defval; i++) {
        const AttrDefault &value = constraints->defval[i];
        const FormData_pg_attribute *column = TupleDescAttr(opened->rd_att, value.adnum - 1);
        const bool used = column->attgenerated ||
                          (event.inserts && !names_column(event.columns, NameStr(column->attname)));
        if (used && runs_code(stored_expression(value.adbin)))
            return unknown("a default calls a function that runs code");
    }
    for (int i = 0; i < constraints->num_check; i++)
        if (runs_code(stored_expression(constraints->check[i].ccbin)))
            return unknown("a CHECK constraint calls a function that runs code");
}

static bool touches(Oid table, const AttrNumber *columns, int count, const List *updated) {
    if (count == 0)
        return true;
    for (int i = 0; i < count; i++) {
        const char *name = call([&] { return get_attname(table, columns[i], true); });
        if (!updated || (name && names_column(updated, name)))
            return true;
    }
    return false;
}

/* RI_FKey_check() reads the referenced row; the actions write where they cascade. */
void predictor::foreign_keys_of_rows(Oid table, const row_event &event, std::vector<Oid> &seen) {
    static const char *const where_checked = "only where a row has to be checked";
    if (std::find(seen.begin(), seen.end(), table) != seen.end())
        return;
    seen.push_back(table);
    const List *updated = event.inserts ? nullptr : event.columns;
    const auto check = [&](Oid partner, LOCKMODE mode) {
        effect what = perhaps(mode, where_checked);
        what.planned = true;
        with_inheritors(partner, what);
    };
    if (event.inserts || event.updates)
        for (const foreign_key &key : foreign_keys_of(table))
            if (event.inserts || touches(table, key.columns, key.count, updated))
                check(key.referenced, RowShareLock);
    if (!event.updates && !event.deletes)
        return;
    for (const foreign_key &key : foreign_keys_to(table)) {
        const bool updates =
            event.updates && touches(table, key.referenced_columns, key.count, updated);
        if (!updates && !event.deletes)
            continue;
        const auto writes = [](char action) {
            return action == FKCONSTR_ACTION_CASCADE || action == FKCONSTR_ACTION_SETNULL ||
                   action == FKCONSTR_ACTION_SETDEFAULT;
        };
        const bool cascades =
            (updates && writes(key.on_update)) || (event.deletes && writes(key.on_delete));
        check(key.table, cascades ? RowExclusiveLock : RowShareLock);
        if (!cascades)
            continue;
        const bool removes = event.deletes && key.on_delete == FKCONSTR_ACTION_CASCADE;
        const row_event caused{false, !removes || updates, removes, NIL};
        code_of_rows(key.table, caused);
        foreign_keys_of_rows(key.table, caused, seen);
    }
}

void predictor::row_checks(Oid table, const row_event &event) {
    code_of_rows(table, event);
    for (Oid child : inheritors_of(table))
        code_of_rows(child, event);
    std::vector<Oid> seen;
    foreign_keys_of_rows(table, event, seen);
}

} // namespace confiture::pg
