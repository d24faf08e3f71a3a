/* Columns: what makes the server rewrite a table, asked of its own expressions. */
#include "pg/boundary.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/expressions.hpp"
#include "pg/prediction/predictor.hpp"

#include <algorithm>

extern "C" {
#include "catalog/heap.h"
#include "catalog/index.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_language.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_type.h"
#include "utils/timestamp.h"
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

Oid type_of(const TypeName *name) {
    return call([&] { return LookupTypeNameOid(nullptr, name, true); });
}

enum class answer : std::uint8_t { no, yes, unknown };

struct column_change {
    AttrNumber number;
    Oid from, to;
    Oid from_collation, to_collation;
    bool known, runs_code;
    answer rewrites;
    bool converts;
};

/* The planner may leave nothing of its call but an argument. */
bool may_vanish(Oid function) {
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return true;
    auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    const bool vanishes =
        OidIsValid(row->prosupport) || (row->prolang == SQLlanguageId && !is_built_in(function));
    ReleaseSysCache(tuple);
    return vanishes;
}

/* ATColumnChangeRequiresRewrite(), which is not exported.  What is not built in throughout is not
 * given to the planner: whether it would leave the bare column is told by its outermost part. */
answer requires_rewrite(Node *expression, AttrNumber column) {
    bool planned = false;
    for (;;) {
        if (IsA(expression, Var) && reinterpret_cast<Var *>(expression)->varattno == column)
            return answer::no;
        if (IsA(expression, RelabelType)) {
            expression = reinterpret_cast<Node *>(reinterpret_cast<RelabelType *>(expression)->arg);
            continue;
        }
        if (IsA(expression, CoerceToDomain)) {
            auto *coerced = reinterpret_cast<CoerceToDomain *>(expression);
            if (has_constraints(coerced->resulttype))
                return answer::yes;
            expression = reinterpret_cast<Node *>(coerced->arg);
            continue;
        }
        const bool built_in = planned || built_in_only(expression);
        if (built_in && !planned) {
            expression = call([&] {
                return reinterpret_cast<Node *>(
                    expression_planner(reinterpret_cast<Expr *>(expression)));
            });
            planned = true;
            continue;
        }
        switch (nodeTag(expression)) {
        case T_FuncExpr: {
            auto *function = reinterpret_cast<FuncExpr *>(expression);
            if (function->funcid == F_TIMESTAMPTZ_TIMESTAMP ||
                function->funcid == F_TIMESTAMP_TIMESTAMPTZ) {
                if (call([] { return TimestampTimestampTzRequiresRewrite(); }))
                    return answer::yes;
            } else {
                const auto may_leave_a_column = [&] {
                    return function->args == NIL || !is_built_in(function->funcid) ||
                           requires_rewrite(static_cast<Node *>(linitial(function->args)),
                                            column) != answer::yes;
                };
                const bool vanishes =
                    !built_in && call([&] { return may_vanish(function->funcid); });
                return vanishes && may_leave_a_column() ? answer::unknown : answer::yes;
            }
            expression = static_cast<Node *>(linitial(function->args));
            continue;
        }
        case T_OpExpr: { // x = true is x
            const Oid op = reinterpret_cast<OpExpr *>(expression)->opno;
            const bool negates = op == BooleanEqualOperator || op == BooleanNotEqualOperator;
            return built_in || (is_built_in(op) && !negates) ? answer::yes : answer::unknown;
        }
        case T_Const:
        case T_Param: // a literal
        case T_CoerceViaIO:
        case T_ArrayCoerceExpr:
        case T_ArrayExpr:
        case T_RowExpr:
        case T_ScalarArrayOpExpr:
            return answer::yes;
        default:
            return built_in ? answer::yes : answer::unknown;
        }
    }
}

/* As ATPrepAlterColumnType() makes the expression that computes the new value.  A USING expression
 * needs the table's columns, and the lock with which they are looked at: without waiting, and only
 * for as long as this takes. */
column_change change_of_column(Oid table, const AlterTableCmd *command) {
    auto *column = reinterpret_cast<ColumnDef *>(command->def);
    column_change change{};
    cached_relation opened(table);
    change.to = type_of(column->typeName);
    change.number = call([&] { return get_attnum(table, command->name); });
    if (!opened || !OidIsValid(change.to) || change.number <= 0)
        return change;
    const auto modifier = modifier_of(column->typeName, change.to);
    if (!modifier || (column->raw_default &&
                      !call([&] { return ConditionalLockRelationOid(table, AccessShareLock); })))
        return change;
    const FormData_pg_attribute *attribute = TupleDescAttr(opened->rd_att, change.number - 1);
    change.from = attribute->atttypid;
    change.from_collation = attribute->attcollation;
    change.to_collation = call([&] { return GetColumnDefCollation(nullptr, column, change.to); });
    const target wanted{change.to, *modifier};
    Node *const value =
        column->raw_default
            ? analyse(column->raw_default, opened.get(), EXPR_KIND_ALTER_COL_TRANSFORM, wanted)
                  .expression
            : converted(call([&] {
                            return reinterpret_cast<Node *>(makeVar(1, change.number, change.from,
                                                                    attribute->atttypmod,
                                                                    change.from_collation, 0));
                        }),
                        wanted)
                  .expression;
    if (!value)
        return change;
    change.known = true;
    change.runs_code = runs_code(value);
    change.rewrites = requires_rewrite(value, change.number);
    change.converts = change.from != change.to && change.rewrites != answer::no;
#if PG_VERSION_NUM >= 180000
    if (attribute->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
        change.rewrites = answer::no;
#endif
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
        // The relation cache would plan them.
        if (!heap_attisnull(relation->rd_indextuple, Anum_pg_index_indexprs, nullptr) ||
            !heap_attisnull(relation->rd_indextuple, Anum_pg_index_indpred, nullptr))
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
    bool checks_keys = has_default, computed = false; // DEFAULT NULL is a default to a foreign key
    row_type(column->typeName);
    what.rewrites.expected = has_default;
    ListCell *cell;
    foreach (cell, column->constraints) {
        auto *constraint = static_cast<Constraint *>(lfirst(cell));
        switch (constraint->contype) {
        case CONSTR_DEFAULT: {
            if (!constraint->raw_expr)
                break;
            checks_keys = true;
            has_default = !(IsA(constraint->raw_expr, A_Const) && is_null(constraint->raw_expr));
            Node *value =
                analyse(constraint->raw_expr, nullptr, EXPR_KIND_COLUMN_DEFAULT, {}).expression;
            if (!value)
                what = {mode,
                        {true, likely},
                        {},
                        certain,
                        "the default holds what is not built in, and is not looked at"};
            else if (call([&] { return contain_volatile_functions(value); })) {
                what.rewrites.expected = true;
                if (!built_in_only(value)) { // what is in SQL may be inlined
                    what.rewrites.sure = likely;
                    what.reason = "the default calls a function that the planner may inline";
                }
            }
            if (runs_code(value))
                unknown("the default calls a function that runs code");
            break;
        }
        case CONSTR_IDENTITY:
            what.rewrites.expected = has_default = checks_keys = true;
            break;
        case CONSTR_GENERATED:
            has_default = checks_keys = true;
#if PG_VERSION_NUM >= 180000
            if (constraint->generated_kind != ATTRIBUTE_GENERATED_STORED) {
                computed = true;
                break;
            }
#endif
            query(constraint->raw_expr, depth::rewritten);
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
            query(constraint->raw_expr, depth::rewritten);
            what.scans.expected = true;
            break;
        default:
            break;
        }
    }
    if (type_runs_code(type_of(column->typeName)))
        unknown("a domain is checked by a function that runs code");
    if (has_constraints(type_of(column->typeName)))
        what.rewrites = {true, certain};
    what.scans.expected =
        what.scans.expected || what.rewrites.expected || (not_null && (!has_default || computed));
    effect of_table = what;
    of_table.scans.expected = what.scans.expected || indexed;
    relation(table, of_table);
    if (recurse) // the index is one of the table and its partitions
        inheritors(table, kind_of(table) == RELKIND_PARTITIONED_TABLE ? of_table : what);
    foreach (cell, column->constraints) {
        auto *constraint = static_cast<Constraint *>(lfirst(cell));
        if (constraint->contype == CONSTR_FOREIGN) // nulls need no check
            add_foreign_key(table, constraint, checks_keys && !constraint->skip_validation,
                            recurse);
    }
}

/* Indexes, constraints and defaults of the column are made anew, and with them the foreign keys at
 * either end. */
void predictor::alter_column_type(Oid table, const AlterTableCmd *command, LOCKMODE mode) {
    std::vector<Oid> tables = inheritors_of(table);
    tables.insert(tables.begin(), table);
    owned_sequences(table, call([&] { return get_attnum(table, command->name); }));
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
        if (change.rewrites != answer::no)
            what = rewriting(mode);
        if (change.rewrites == answer::unknown) {
            what.rewrites.sure = what.scans.sure = likely;
            what.reason = "what computes the new value is not built in, and is not evaluated";
        }
        if (change.runs_code)
            unknown("the new value is computed by a function that runs code");
        for (const dependent &part : dependents_of(RelationRelationId, one, change.number)) {
            if (part.class_id == RewriteRelationId || part.class_id == TriggerRelationId ||
                part.class_id == PolicyRelationId)
                open("as things are, the server refuses it: a view, trigger or policy uses the "
                     "column");
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
            if (OidIsValid(rebuilt) && change.rewrites != answer::yes &&
                !index_survives(rebuilt, change))
                what.scans = {true, certain};
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
    // Constraints on a column that is not stored are checked.
    const effect what =
        stored ? rewriting(mode)
               : effect{mode, {}, {true, likely}, certain, "constraints on the column are checked"};
    with_inheritors(table, what);
}

void predictor::drop_column(Oid table, const AlterTableCmd *command, bool recurse, LOCKMODE mode) {
    std::vector<Oid> tables = recurse ? inheritors_of(table) : std::vector<Oid>();
    tables.push_back(table);
    const bool there = call([&] { return get_attnum(table, command->name); }) != InvalidAttrNumber;
    if (!recurse && there) // the children keep theirs, as one of their own
        for (Oid child : children_of(table))
            relation(child, {mode});
    for (Oid one : tables) {
        const AttrNumber number = call([&] { return get_attnum(one, command->name); });
        relation(one, {one == table || number != InvalidAttrNumber ? mode : NoLock});
        if (number != InvalidAttrNumber)
            dropped({RelationRelationId, one, number}, command->behavior == DROP_CASCADE);
    }
}

} // namespace confiture::pg
