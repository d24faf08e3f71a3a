#include "pg/prediction/expressions.hpp"

#include "pg/boundary.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/predictor.hpp"
#include "pg/prediction/tree_walkers.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_language.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parse_type.h"
#include "utils/catcache.h"
}

namespace confiture::pg {

namespace {

/* Its input function knows nothing of users: base types and ranges, and arrays of them.  The reg…
 * types read names of other objects, modifiers of types among them. */
bool reads_literals_alone(Oid type) {
    const Oid element = get_element_type(type);
    const Oid read = OidIsValid(element) ? element : type;
    if (!is_built_in(read))
        return false;
    switch (read) {
    case REGTYPEOID:
    case REGPROCOID:
    case REGPROCEDUREOID:
    case REGOPEROID:
    case REGOPERATOROID:
    case REGCLASSOID:
    case REGROLEOID:
    case REGNAMESPACEOID:
    case REGCOLLATIONOID:
    case REGCONFIGOID:
    case REGDICTIONARYOID:
        return false;
    default: {
        const char kind = get_typtype(read);
        return kind != TYPTYPE_DOMAIN && kind != TYPTYPE_COMPOSITE && kind != TYPTYPE_PSEUDO;
    }
    }
}

/* The literals of a raw expression, which stand as parameters $0, $1 … in it. */
struct literals {
    List *found = NIL; // of A_Const
    bool of_users = false;
};

bool is_string(const A_Const *constant, const char **content) {
#if PG_VERSION_NUM >= 150000
    if (constant->isnull) {
        *content = nullptr;
        return true;
    }
    *content = IsA(&constant->val, String) ? constant->val.sval.sval : nullptr;
    return IsA(&constant->val, String);
#else
    *content = constant->val.type == T_String ? constant->val.val.str : nullptr;
    return constant->val.type == T_String || constant->val.type == T_Null;
#endif
}

/* As transformParamRef() for parameters whose type is to be found out. */
Node *parameter_of(ParseState *, ParamRef *reference) {
    Param *parameter = makeNode(Param);
    parameter->paramkind = PARAM_EXTERN;
    parameter->paramid = reference->number;
    parameter->paramtype = UNKNOWNOID;
    parameter->paramtypmod = -1;
    parameter->location = reference->location;
    return reinterpret_cast<Node *>(parameter);
}

/* Called by coerce_type() once the type of a literal is known. */
Node *typed_literal(ParseState *state, Param *parameter, Oid type, int32 modifier, int location) {
    auto *all = static_cast<literals *>(state->p_ref_hook_state);
    if (parameter->paramkind != PARAM_EXTERN || parameter->paramtype != UNKNOWNOID)
        return nullptr;
    if (!reads_literals_alone(type)) {
        all->of_users = true;
        auto *typed = static_cast<Param *>(copyObjectImpl(parameter));
        typed->paramtype = type;
        typed->paramcollid = get_typcollation(type);
        return reinterpret_cast<Node *>(typed);
    }
    const char *content;
    is_string(static_cast<A_Const *>(list_nth(all->found, parameter->paramid)), &content);
    Const *literal =
        makeConst(UNKNOWNOID, -1, InvalidOid, -2, CStringGetDatum(content), !content, false);
    literal->location = parameter->location;
    return coerce_type(state, reinterpret_cast<Node *>(literal), UNKNOWNOID, type, modifier,
                       COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, location);
}

/* Turns literals into references to parameters in place; true where analysing what is there calls
 * functions of users all the same. */
bool take_literals(Node *node, void *argument) {
    auto *all = static_cast<literals *>(argument);
    if (!node)
        return false;
    switch (nodeTag(node)) {
    case T_TypeName: {
        auto *name = reinterpret_cast<TypeName *>(node);
        return name->typmods != NIL && !is_built_in(LookupTypeNameOid(nullptr, name, true));
    }
    case T_A_Const: {
        const char *content;
        if (!is_string(reinterpret_cast<A_Const *>(node), &content))
            return false;
        static_assert(sizeof(ParamRef) <= sizeof(A_Const));
        auto *kept = static_cast<A_Const *>(copyObjectImpl(node));
        all->found = lappend(all->found, kept);
        auto *reference = reinterpret_cast<ParamRef *>(node);
        NodeSetTag(reference, T_ParamRef);
        reference->number = list_length(all->found) - 1;
        reference->location = kept->location;
        return false;
    }
    case T_SubLink: // refused before it is looked at, see transformSubLink()
        return false;
#if PG_VERSION_NUM >= 160000
    case T_JsonOutput: // asks a domain for its constraints
        return !is_built_in(
            LookupTypeNameOid(nullptr, reinterpret_cast<JsonOutput *>(node)->typeName, true));
#endif
    default:
        return walk_raw(node, take_literals, argument);
    }
}

bool finds_subscripts(Node *node, void *argument) {
    if (!node || IsA(node, SubLink))
        return false;
    return IsA(node, A_Indices) || walk_raw(node, finds_subscripts, argument);
}

/* A type may bring the function that says what its subscripts mean. */
bool columns_have_own_subscripts(Relation table) {
#if PG_VERSION_NUM >= 140000
    for (int i = 0; table && i < table->rd_att->natts; i++) {
        const FormData_pg_attribute *column = TupleDescAttr(table->rd_att, i);
        if (!column->attisdropped && !is_built_in(get_typsubscript(column->atttypid, nullptr)))
            return true;
    }
#else
    (void)table;
#endif
    return false;
}

bool is_foreign_function(Oid function, void *) {
    if (!is_built_in(function))
        return true;
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return true;
    // The body of one in SQL finds its operators by the search_path when it is inlined.
    const Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
    ReleaseSysCache(tuple);
    return language != INTERNALlanguageId && language != ClanguageId;
}

/* Proofs ask the btree families of an operator for others, and call them. */
bool is_foreign_operator(Oid op) {
    if (!is_built_in(op))
        return true;
    CatCList *families = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(op));
    bool foreign = false;
    for (int i = 0; i < families->n_members; i++) {
        auto *row = reinterpret_cast<Form_pg_amop>(GETSTRUCT(&families->members[i]->tuple));
        foreign = foreign || (!is_built_in(row->amopfamily) &&
                              (row->amopmethod == BTREE_AM_OID || !is_built_in(row->amopmethod)));
    }
    ReleaseSysCacheList(families);
    return foreign;
}

bool is_foreign(Node *node, void *argument) {
    if (!node)
        return false;
    if (check_functions_in_node(node, is_foreign_function, nullptr))
        return true;
    switch (nodeTag(node)) {
    case T_Var:
    case T_SQLValueFunction:
    case T_CaseTestExpr:
        return false;
    case T_Const: {
        auto *constant = reinterpret_cast<Const *>(node);
        return !reads_literals_alone(constant->consttype) || !is_built_in(constant->constcollid);
    }
    case T_FuncExpr:
        if (!is_built_in(reinterpret_cast<FuncExpr *>(node)->inputcollid))
            return true;
        break;
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr: {
        auto *op = reinterpret_cast<OpExpr *>(node);
        if (!is_built_in(op->inputcollid) || is_foreign_operator(op->opno))
            return true;
        break;
    }
    case T_ScalarArrayOpExpr: {
        auto *op = reinterpret_cast<ScalarArrayOpExpr *>(node);
        if (!is_built_in(op->inputcollid) || is_foreign_operator(op->opno))
            return true;
        break;
    }
    case T_List:
    case T_BoolExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_CaseWhen:
        break;
    case T_RelabelType:
    case T_CollateExpr:
    case T_CaseExpr:
    case T_CoalesceExpr:
    case T_CoerceViaIO:
    case T_ArrayCoerceExpr:
    case T_ArrayExpr:
    case T_SubscriptingRef:
    case T_MinMaxExpr:
        if (!is_built_in(exprType(node)) || !is_built_in(exprCollation(node)))
            return true;
        break;
    default:
        return true;
    }
    return walk_expression(node, is_foreign, argument);
}

/* Null where there is no such conversion: the statement fails. */
Node *convert(ParseState *state, Node *value, const target &wanted) {
    if (OidIsValid(wanted.type))
        value = coerce_to_target_type(state, value, exprType(value), wanted.type, wanted.modifier,
                                      COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
    if (value)
        assign_expr_collations(state, value);
    return value;
}

/* OIDs that the catalog keeps in a vector. */
bool all_built_in(Datum vector) {
    auto *oids = reinterpret_cast<oidvector *>(DatumGetPointer(vector));
    for (int i = 0; i < oids->dim1; i++)
        if (!is_built_in(oids->values[i]))
            return false;
    return true;
}

bool key_is_built_in(Oid partitioned) {
    HeapTuple tuple = SearchSysCache1(PARTRELID, ObjectIdGetDatum(partitioned));
    if (!HeapTupleIsValid(tuple))
        return false;
    const auto attribute = [&](AttrNumber number, bool *null) {
        return SysCacheGetAttr(PARTRELID, tuple, number, null);
    };
    bool null;
    bool built_in = all_built_in(attribute(Anum_pg_partitioned_table_partclass, &null)) &&
                    all_built_in(attribute(Anum_pg_partitioned_table_partcollation, &null));
    const Datum expressions = attribute(Anum_pg_partitioned_table_partexprs, &null);
    if (built_in && !null)
        built_in = !is_foreign(static_cast<Node *>(stringToNode(TextDatumGetCString(expressions))),
                               nullptr);
    auto *row = reinterpret_cast<Form_pg_partitioned_table>(GETSTRUCT(tuple));
    for (int i = 0; built_in && i < row->partnatts; i++) {
        const AttrNumber column = row->partattrs.values[i];
        built_in = column == 0 || reads_literals_alone(get_atttype(partitioned, column));
    }
    ReleaseSysCache(tuple);
    return built_in;
}

} // namespace

analysed analyse(const Node *raw, Relation table, ParseExprKind where, const target &wanted) {
    return call([&]() -> analysed {
        Node *tree = static_cast<Node *>(copyObjectImpl(raw));
        literals all;
        if ((finds_subscripts(tree, nullptr) && columns_have_own_subscripts(table)) ||
            take_literals(tree, &all))
            return {};
        ParseState *state = make_parsestate(nullptr);
        state->p_paramref_hook = parameter_of;
        state->p_coerce_param_hook = typed_literal;
        state->p_ref_hook_state = &all;
        if (table)
            addNSItemToQuery(
                state,
                addRangeTableEntryForRelation(state, table, AccessShareLock, nullptr, false, true),
                false, true, true);
        Node *value = convert(state, transformExpr(state, tree, where), wanted);
        return {value, value && !all.of_users && !is_foreign(value, nullptr)};
    });
}

analysed converted(Node *value, const target &wanted) {
    return call([&]() -> analysed {
        Node *found = convert(make_parsestate(nullptr), value, wanted);
        return {found, found && !is_foreign(found, nullptr)};
    });
}

bool built_in_only(Node *expression) {
    return call([&] { return !is_foreign(expression, nullptr); });
}

std::optional<int32> modifier_of(const TypeName *name, Oid type) {
    if (name->typmods == NIL)
        return name->typemod;
    if (!is_built_in(type))
        return std::nullopt;
    return call([&] {
        Oid found;
        int32 modifier;
        typenameTypeIdAndMod(nullptr, name, &found, &modifier);
        return modifier;
    });
}

bool has_constraints(Oid domain) {
    struct row {
        Oid oid;
    };
    for (Oid type = domain; OidIsValid(type);) {
        struct type_row {
            bool is_domain, not_null;
            Oid base;
        };
        const type_row found = call([&]() -> type_row {
            HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
            if (!HeapTupleIsValid(tuple))
                return {};
            auto *form = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
            const type_row read{form->typtype == TYPTYPE_DOMAIN, form->typnotnull,
                                form->typbasetype};
            ReleaseSysCache(tuple);
            return read;
        });
        if (!found.is_domain)
            return false;
        const auto checks = catalog_rows<row>(
            ConstraintRelationId, ConstraintTypidIndexId, {{Anum_pg_constraint_contypid, type}},
            [](HeapTuple tuple, row &constraint) {
                auto *form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
                constraint.oid = form->oid;
                return form->contype == CONSTRAINT_CHECK;
            });
        if (found.not_null || !checks.empty())
            return true;
        type = found.base;
    }
    return false;
}

static bool checks_run_code(Oid domain) {
    struct row {
        Node *check;
    };
    for (const row &one : catalog_rows<row>(
             ConstraintRelationId, ConstraintTypidIndexId, {{Anum_pg_constraint_contypid, domain}},
             [](HeapTuple tuple, row &found) {
                 bool null;
                 const Datum check =
                     SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_conbin, &null);
                 if (!null)
                     found.check = static_cast<Node *>(stringToNode(TextDatumGetCString(check)));
                 return !null;
             }))
        if (runs_code(one.check))
            return true;
    return false;
}

bool type_runs_code(Oid type) {
    if (is_built_in(type))
        return false;
    if (const Oid element = call([&] { return get_element_type(type); }))
        return type_runs_code(element);
    switch (call([&] { return get_typtype(type); })) {
    case TYPTYPE_DOMAIN:
        return checks_run_code(type) || type_runs_code(call([&]() -> Oid {
                   HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
                   if (!HeapTupleIsValid(tuple))
                       return InvalidOid;
                   const Oid base = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple))->typbasetype;
                   ReleaseSysCache(tuple);
                   return base;
               }));
    case TYPTYPE_RANGE:
        return type_runs_code(call([&] { return get_range_subtype(type); }));
#if PG_VERSION_NUM >= 140000
    case TYPTYPE_MULTIRANGE:
        return type_runs_code(call([&] { return get_multirange_range(type); }));
#endif
    case TYPTYPE_COMPOSITE: {
        cached_relation row(call([&] { return get_typ_typrelid(type); }));
        for (int i = 0; row && i < row->rd_att->natts; i++)
            if (!TupleDescAttr(row->rd_att, i)->attisdropped &&
                type_runs_code(TupleDescAttr(row->rd_att, i)->atttypid))
                return true;
        return false;
    }
    default:
        return false;
    }
}

bool has_built_in_key(Oid partitioned) {
    for (Oid one = partitioned; OidIsValid(one); one = parent_of(one))
        if (!call([&] { return key_is_built_in(one); }))
            return false;
    return true;
}

bool has_built_in_checks(Relation table) {
    const TupleConstr *constraints = table->rd_att->constr;
    for (int i = 0; constraints && i < constraints->num_check; i++)
        if (constraints->check[i].ccvalid &&
            !built_in_only(stored_expression(constraints->check[i].ccbin)))
            return false;
    return true;
}

} // namespace confiture::pg
