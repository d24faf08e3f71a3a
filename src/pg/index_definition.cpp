#include "pg/index_definition.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/reloptions.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "parser/parse_utilcmd.h"
#include "utils/fmgroids.h"
}

namespace confiture::pg {

// Free text is quoted, so that no constant can look like the next line.
const char *const index_definition_sql = R"(
(SELECT concat_ws(E'\n', quote_nullable(a.amname),
        i.indisunique, coalesce(to_jsonb(i)->>'indnullsnotdistinct', 'false')::boolean,
        i.indnkeyatts, i.indkey, i.indclass, i.indcollation, i.indoption,
        quote_nullable(x.reloptions::text),
        (SELECT string_agg(quote_nullable(k.attoptions::text), ' ' ORDER BY k.attnum)
         FROM pg_attribute k WHERE k.attrelid = x.oid AND k.attnum <= i.indnkeyatts),
        quote_nullable(pg_get_expr(i.indexprs, i.indrelid)),
        quote_nullable(pg_get_expr(i.indpred, i.indrelid)))
 FROM pg_class x JOIN pg_am a ON a.oid = x.relam WHERE x.oid = i.indexrelid))";

namespace {

/* As quote_nullable(). */
void append_quoted(StringInfo list, const char *content) {
    appendStringInfoString(list, content ? quote_literal_cstr(content) : "NULL");
}

/* Options as the catalog keeps them. */
void append_options(StringInfo list, List *options) {
    const Datum array = transformRelOptions(0, options, nullptr, nullptr, false, false);
    append_quoted(list, array ? OidOutputFunctionCall(F_ARRAY_OUT, array) : nullptr);
}

/* As pg_get_expr() prints what the catalog would keep. */
void append_expression(StringInfo list, Node *expression, Oid table) {
    append_quoted(list, expression ? TextDatumGetCString(DirectFunctionCall2(
                                         pg_get_expr, CStringGetTextDatum(nodeToString(expression)),
                                         ObjectIdGetDatum(table)))
                                   : nullptr);
}

/* A key of the index: a column, or an expression where column is 0. */
struct index_key {
    AttrNumber column;
    Oid type, collation;
    Node *expression;
};

index_key column_key(const char *name, Oid table) {
    HeapTuple tuple = SearchSysCacheAttName(table, name);
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" does not exist", name)));
    auto *attribute = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
    const index_key key{attribute->attnum, attribute->atttypid, attribute->attcollation, nullptr};
    ReleaseSysCache(tuple);
    return key;
}

/* As ComputeIndexAttrs(): a bare column stays one whatever COLLATE and parentheses stand around. */
index_key key_of(const IndexElem *element, Oid table) {
    if (element->name)
        return column_key(element->name, table);
    Node *expression = element->expr;
    index_key key{0, exprType(expression), exprCollation(expression), nullptr};
    while (IsA(expression, CollateExpr))
        expression = reinterpret_cast<Node *>(reinterpret_cast<CollateExpr *>(expression)->arg);
    if (IsA(expression, Var) && reinterpret_cast<Var *>(expression)->varattno != 0)
        key.column = reinterpret_cast<Var *>(expression)->varattno;
    else
        key.expression = expression;
    return key;
}

int options_of(const IndexElem *element, Oid method) {
    const IndexAmRoutine *routine = GetIndexAmRoutineByAmId(method, false);
    if (!routine->amcanorder)
        return 0;
    const bool descending = element->ordering == SORTBY_DESC;
    const bool nulls_first = element->nulls_ordering == SORTBY_NULLS_DEFAULT
                                 ? descending
                                 : element->nulls_ordering == SORTBY_NULLS_FIRST;
    return (descending ? INDOPTION_DESC : 0) | (nulls_first ? INDOPTION_NULLS_FIRST : 0);
}

struct text_lists { // one item a key, blanks in between
    StringInfoData columns, classes, collations, orders, options;
};

void append_key(text_lists &lists, List *&expressions, const IndexElem *element,
                const IndexStmt *statement, Oid method, Oid table) {
    index_key key = key_of(element, table);
    if (element->collation)
        key.collation = get_collation_oid(element->collation, false);
    if (key.expression)
        expressions = lappend(expressions, key.expression);
    const char *blank = lists.columns.len > 0 ? " " : "";
    appendStringInfo(&lists.columns, "%s%d", blank, key.column);
    appendStringInfo(&lists.classes, "%s%u", blank,
                     ResolveOpClass(element->opclass, key.type, statement->accessMethod, method));
    appendStringInfo(&lists.collations, "%s%u", blank, key.collation);
    appendStringInfo(&lists.orders, "%s%d", blank, options_of(element, method));
    appendStringInfoString(&lists.options, blank);
    append_options(&lists.options, element->opclassopts);
}

bool nulls_not_distinct(const IndexStmt *statement) {
#if PG_VERSION_NUM >= 150000
    return statement->nulls_not_distinct;
#else
    (void)statement;
    return false;
#endif
}

/* The statement was analysed.  The same as index_definition_sql. */
char *definition_of(const IndexStmt *statement, Oid table) {
    const Oid method = get_index_am_oid(statement->accessMethod, false);
    text_lists lists{};
    for (StringInfo list :
         {&lists.columns, &lists.classes, &lists.collations, &lists.orders, &lists.options})
        initStringInfo(list);
    List *expressions = NIL;
    ListCell *cell;
    foreach (cell, statement->indexParams)
        append_key(lists, expressions, lfirst_node(IndexElem, cell), statement, method, table);
    foreach (cell, statement->indexIncludingParams)
        appendStringInfo(&lists.columns, " %d", key_of(lfirst_node(IndexElem, cell), table).column);

    StringInfoData text;
    initStringInfo(&text);
    append_quoted(&text, statement->accessMethod);
    appendStringInfo(&text, "\n%s\n%s\n%d\n%s\n%s\n%s\n%s\n", statement->unique ? "t" : "f",
                     nulls_not_distinct(statement) ? "t" : "f", list_length(statement->indexParams),
                     lists.columns.data, lists.classes.data, lists.collations.data,
                     lists.orders.data);
    append_options(&text, statement->options);
    appendStringInfo(&text, "\n%s\n", lists.options.data);
    append_expression(&text, reinterpret_cast<Node *>(expressions), table);
    appendStringInfoChar(&text, '\n');
    // A constant TRUE is no predicate, see make_ands_implicit().
    List *predicate = make_ands_implicit(reinterpret_cast<Expr *>(statement->whereClause));
    append_expression(&text,
                      predicate ? reinterpret_cast<Node *>(make_ands_explicit(predicate)) : nullptr,
                      table);
    return text.data;
}

/* A snapshot for the input functions of constants' types: a procedure that has just committed has
 * none. */
class snapshot_scope {
public:
    snapshot_scope() {
        call([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    }
    snapshot_scope(const snapshot_scope &) = delete;
    snapshot_scope &operator=(const snapshot_scope &) = delete;
    ~snapshot_scope() {
        if (std::uncaught_exceptions() == 0) // else the rollback pops it
            PopActiveSnapshot();
    }
};

} // namespace

std::string index_definition(std::string_view create_index, std::uint32_t table) {
    memory_context memory("confiture index definition");
    memory_scope scope(memory);
    const std::string terminated(create_index);
    RawStmt *parsed = parse_statement(terminated.c_str());
    const snapshot_scope snapshot;
    IndexStmt *statement = call([&] {
        LockRelationOid(table, AccessShareLock);
        return transformIndexStmt(table, castNode(IndexStmt, parsed->stmt), terminated.c_str());
    });
    settings_scope settings;
    settings.set("search_path", "pg_catalog, pg_temp");
    return call([&] { return definition_of(statement, table); });
}

} // namespace confiture::pg
