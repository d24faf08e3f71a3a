/* Columns: what makes the server rewrite a table, asked of its own expressions. */
#include "pg/boundary.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/predictor.hpp"

#include <algorithm>

extern "C" {
#include "catalog/heap.h"
#include "catalog/index.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "commands/defrem.h"
#include "commands/typecmds.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parse_type.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
}

namespace confiture::pg {

namespace {

bool is_null(const Node *constant) {
#if PG_VERSION_NUM >= 150000
    return reinterpret_cast<const A_Const *>(constant)->isnull;
#else
    return reinterpret_cast<const A_Const *>(constant)->val.type == T_Null;
#endif
}

bool is_serial(const TypeName *type) {
    const char *name = list_length(type->names) == 1 ? strVal(linitial(type->names)) : "";
    for (const char *serial :
         {"smallserial", "serial2", "serial", "serial4", "bigserial", "serial8"})
        if (std::strcmp(name, serial) == 0)
            return true;
    return false;
}

Node *analysed_default(const Node *raw) {
    return call([&] {
        return transformExpr(make_parsestate(nullptr), static_cast<Node *>(copyObjectImpl(raw)),
                             EXPR_KIND_COLUMN_DEFAULT);
    });
}

Oid type_of(const TypeName *name, int32 *modifier) {
    return call([&]() -> Oid {
        Type found = LookupTypeName(nullptr, name, modifier, true);
        if (!found)
            return InvalidOid;
        const Oid oid = typeTypeId(found);
        ReleaseSysCache(reinterpret_cast<HeapTuple>(found));
        return oid;
    });
}

struct column_change {
    AttrNumber number;
    Oid from, to;
    Oid from_collation, to_collation;
    bool known, rewrites, converts;
};

/* ATColumnChangeRequiresRewrite(), which is not exported. */
bool requires_rewrite(Node *expression, AttrNumber column) {
    for (;;) {
        if (IsA(expression, Var) && reinterpret_cast<Var *>(expression)->varattno == column)
            return false;
        if (IsA(expression, RelabelType))
            expression = reinterpret_cast<Node *>(reinterpret_cast<RelabelType *>(expression)->arg);
        else if (IsA(expression, CoerceToDomain)) {
            auto *coerced = reinterpret_cast<CoerceToDomain *>(expression);
            if (DomainHasConstraints(coerced->resulttype))
                return true;
            expression = reinterpret_cast<Node *>(coerced->arg);
        } else if (IsA(expression, FuncExpr)) {
            auto *function = reinterpret_cast<FuncExpr *>(expression);
            if ((function->funcid != F_TIMESTAMPTZ_TIMESTAMP &&
                 function->funcid != F_TIMESTAMP_TIMESTAMPTZ) ||
                TimestampTimestampTzRequiresRewrite())
                return true;
            expression = static_cast<Node *>(linitial(function->args));
        } else
            return true;
    }
}

/* As ATPrepAlterColumnType() makes the expression that computes the new value.  A USING expression
 * needs the table's columns, and the lock with which they are looked at: without waiting, and only
 * for as long as this takes. */
column_change change_of_column(Oid table, const AlterTableCmd *command) {
    auto *column = reinterpret_cast<ColumnDef *>(command->def);
    column_change change{};
    cached_relation opened(table);
    int32 modifier = -1;
    change.to = type_of(column->typeName, &modifier);
    change.number = call([&] { return get_attnum(table, command->name); });
    if (!opened || !OidIsValid(change.to) || change.number <= 0)
        return change;
    if (column->raw_default &&
        !call([&] { return ConditionalLockRelationOid(table, AccessShareLock); }))
        return change;
    call([&] {
        const FormData_pg_attribute *attribute = TupleDescAttr(opened->rd_att, change.number - 1);
        change.from = attribute->atttypid;
        change.from_collation = attribute->attcollation;
        change.to_collation = GetColumnDefCollation(nullptr, column, change.to);
        ParseState *state = make_parsestate(nullptr);
        Node *value;
        if (column->raw_default) {
            addNSItemToQuery(state,
                             addRangeTableEntryForRelation(state, opened.get(), AccessShareLock,
                                                           nullptr, false, true),
                             false, true, true);
            value = transformExpr(state, static_cast<Node *>(copyObjectImpl(column->raw_default)),
                                  EXPR_KIND_ALTER_COL_TRANSFORM);
        } else
            value = reinterpret_cast<Node *>(makeVar(
                1, change.number, change.from, attribute->atttypmod, change.from_collation, 0));
        value = coerce_to_target_type(state, value, exprType(value), change.to, modifier,
                                      COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
        if (!value)
            return; // the statement fails
        assign_expr_collations(state, value);
        value = reinterpret_cast<Node *>(expression_planner(reinterpret_cast<Expr *>(value)));
        change.known = true;
        change.rewrites = requires_rewrite(value, change.number);
        change.converts = change.from != change.to && change.rewrites;
    });
    return change;
}

/* As CheckIndexCompatible(): is the index kept as it is when the column changes without a rewrite?
 */
bool index_survives(Oid index, const column_change &change) {
    cached_relation opened(index);
    if (!opened || !opened->rd_index || opened->rd_rel->relispartition)
        return false; // with its parent a partition's index is made anew
    return call([&] {
        Relation relation = opened.get();
        if (RelationGetIndexExpressions(relation) != NIL ||
            RelationGetIndexPredicate(relation) != NIL)
            return false;
        for (int i = 0; i < relation->rd_index->indnkeyatts; i++) {
            if (relation->rd_index->indkey.values[i] != change.number)
                continue;
            // What the new type takes by default must be what the old one took.
            const Oid before = GetDefaultOpClass(change.from, relation->rd_rel->relam);
            const Oid after = GetDefaultOpClass(change.to, relation->rd_rel->relam);
            if (before != after)
                return false;
            if (relation->rd_indcollation[i] == change.from_collation &&
                change.from_collation != change.to_collation)
                return false;
        }
        return true;
    });
}

} // namespace

/* A default that is the same for every row is stored once; others are computed for each. */
void predictor::add_column(Oid table, const ColumnDef *column, bool recurse, LOCKMODE mode) {
    effect what{mode};
    bool has_default = is_serial(column->typeName), indexed = false, not_null = false;
    row_type(column->typeName);
    what.rewrites.expected = has_default;
    ListCell *cell;
    foreach (cell, column->constraints) {
        auto *constraint = static_cast<Constraint *>(lfirst(cell));
        switch (constraint->contype) {
        case CONSTR_DEFAULT: {
            if (!constraint->raw_expr)
                break;
            has_default = !(IsA(constraint->raw_expr, A_Const) && is_null(constraint->raw_expr));
            Node *value = analysed_default(constraint->raw_expr);
            if (call([&] { return contain_volatile_functions(value); }))
                what.rewrites.expected = true;
            if (runs_code(value))
                unknown("the default calls a function that runs code");
            break;
        }
        case CONSTR_IDENTITY:
            what.rewrites.expected = has_default = true;
            break;
        case CONSTR_GENERATED:
            has_default = true;
#if PG_VERSION_NUM >= 180000
            if (constraint->generated_kind != ATTRIBUTE_GENERATED_STORED)
                break;
#endif
            what.rewrites.expected = true;
            break;
        case CONSTR_PRIMARY:
        case CONSTR_UNIQUE:
            indexed = true;
            break;
        case CONSTR_NOTNULL:
            not_null = true;
            break;
        case CONSTR_CHECK:
            what.scans.expected = true;
            break;
        default:
            break;
        }
    }
    int32 modifier;
    const Oid type = type_of(column->typeName, &modifier);
    if (OidIsValid(type) && call([&] { return DomainHasConstraints(type); }))
        what.rewrites.expected = true;
    what.scans.expected =
        what.scans.expected || what.rewrites.expected || (not_null && !has_default) || indexed;
    relation(table, what);
    if (recurse)
        inheritors(table, what);
    foreach (cell, column->constraints) {
        auto *constraint = static_cast<Constraint *>(lfirst(cell));
        if (constraint->contype == CONSTR_FOREIGN) // nulls need no check
            add_foreign_key(table, constraint->pktable, has_default && !constraint->skip_validation,
                            recurse);
    }
}

/* Indexes, constraints and defaults of the column are made anew, and with them the foreign keys at
 * either end. */
void predictor::alter_column_type(Oid table, const AlterTableCmd *command, LOCKMODE mode) {
    std::vector<Oid> tables = inheritors_of(table);
    tables.insert(tables.begin(), table);
    for (Oid one : tables) {
        const column_change change = change_of_column(one, command);
        if (!change.known) {
            relation(one, {mode,
                           {true, likely},
                           {true, likely},
                           certain,
                           "the column or its new type could not be looked at"});
            continue;
        }
        effect what{mode};
        what.rewrites.expected = what.scans.expected = change.rewrites;
        for (const dependent &part : dependents_of(RelationRelationId, one, change.number)) {
            const bool index =
                part.class_id == RelationRelationId && kind_of(part.object_id) == RELKIND_INDEX;
            Oid rebuilt = index ? part.object_id : InvalidOid;
            if (part.class_id == ConstraintRelationId) {
                struct constraint {
                    char kind;
                    bool validated, local;
                    Oid table, referenced, index;
                };
                const constraint found = call([&]() -> constraint {
                    HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(part.object_id));
                    if (!HeapTupleIsValid(tuple))
                        return {};
                    auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
                    const constraint read{row->contype,  row->convalidated, row->conislocal,
                                          row->conrelid, row->confrelid,    row->conindid};
                    ReleaseSysCache(tuple);
                    return read;
                });
                if (found.kind == CONSTRAINT_CHECK)
                    what.scans.expected = what.scans.expected || found.validated;
                else if (found.kind == CONSTRAINT_FOREIGN) {
                    const bool checks = found.validated && change.converts;
                    for (Oid partner : {found.table, found.referenced})
                        with_inheritors(partner,
                                        {AccessExclusiveLock,
                                         {},
                                         {checks, likely},
                                         certain,
                                         checks ? "the foreign key is checked by a query" : ""});
                } else
                    rebuilt = found.index;
            }
            if (OidIsValid(rebuilt) && !change.rewrites && !index_survives(rebuilt, change))
                what.scans.expected = true;
        }
        relation(one, what);
    }
}

void predictor::set_expression(Oid table, const char *column, LOCKMODE mode) {
    const AttrNumber number = call([&] { return get_attnum(table, column); });
    cached_relation opened(table);
    const bool stored =
        opened && number > 0 &&
        TupleDescAttr(opened->rd_att, number - 1)->attgenerated == ATTRIBUTE_GENERATED_STORED;
    const effect what = stored ? rewriting(mode) : effect{mode};
    with_inheritors(table, what);
}

void predictor::drop_column(Oid table, const AlterTableCmd *command, bool recurse, LOCKMODE mode) {
    std::vector<Oid> tables = recurse ? inheritors_of(table) : std::vector<Oid>();
    tables.push_back(table);
    for (Oid one : tables) {
        const AttrNumber number = call([&] { return get_attnum(one, command->name); });
        relation(one, {one == table || number != InvalidAttrNumber ? mode : NoLock});
        if (number != InvalidAttrNumber)
            dropped({RelationRelationId, one, number}, command->behavior == DROP_CASCADE);
    }
}

} // namespace confiture::pg
