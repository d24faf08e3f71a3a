#include "pg/unique_keys.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/stratnum.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "parser/parse_utilcmd.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"
}

namespace confiture::pg {

namespace {

struct texts {
    char *columns, *query; // no query: null
};

/* Is what the operator class takes for equal what GROUP BY takes for equal? */
bool groups_alike(const IndexElem *element, Oid type, const IndexStmt *statement) {
    const Oid method = get_index_am_oid(statement->accessMethod, false);
    const Oid opclass = ResolveOpClass(element->opclass, type, statement->accessMethod, method);
    const Oid input = get_opclass_input_type(opclass);
    const Oid equal =
        get_opfamily_member(get_opclass_family(opclass), input, input, BTEqualStrategyNumber);
    return OidIsValid(equal) && equal == lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
}

/* The key as the query writes it; null where it cannot. */
char *key_text(const IndexElem *element, const IndexStmt *statement, Oid table, List *context) {
    const AttrNumber number = element->name ? get_attnum(table, element->name) : AttrNumber{0};
    const Oid type = element->name ? get_atttype(table, number) : exprType(element->expr);
    if (!groups_alike(element, type, statement))
        return nullptr;
    const char *key = element->name ? quote_identifier(element->name)
                                    : deparse_expression(element->expr, context, false, false);
    return element->collation
               ? psprintf("((%s) COLLATE %s)", key,
                          generate_collation_name(get_collation_oid(element->collation, false)))
               : psprintf("(%s)", key);
}

bool nulls_are_equal(const IndexStmt *statement) {
#if PG_VERSION_NUM >= 150000
    return statement->nulls_not_distinct;
#else
    (void)statement;
    return false;
#endif
}

/* The statement was analysed. */
texts read_keys(const IndexStmt *statement, Oid table) {
    const char *name = get_rel_name(table);
    List *context = deparse_context_for(name, table);
    StringInfoData columns, keys, shown, query;
    for (StringInfo text : {&columns, &keys, &shown, &query})
        initStringInfo(text);
    ListCell *cell;
    foreach (cell, statement->indexParams) {
        auto *element = lfirst_node(IndexElem, cell);
        const char *separator = keys.len > 0 ? ", " : "";
        const char *key = key_text(element, statement, table, context);
        appendStringInfo(&columns, "%s%s", separator,
                         element->name ? element->name
                                       : deparse_expression(element->expr, context, false, false));
        if (!key)
            return {columns.data, nullptr};
        appendStringInfo(&keys, "%s%s", separator, key);
        appendStringInfo(&shown, "%scoalesce(%s::pg_catalog.text, 'null')", separator, key);
    }
    appendStringInfo(
        &query, "SELECT pg_catalog.concat_ws(', ', %s) FROM ONLY %s WHERE true", shown.data,
        quote_qualified_identifier(get_namespace_name_or_temp(get_rel_namespace(table)), name));
    if (!nulls_are_equal(statement))
        appendStringInfo(&query, " AND pg_catalog.num_nulls(%s) OPERATOR(pg_catalog.=) 0",
                         keys.data);
    if (statement->whereClause)
        appendStringInfo(&query, " AND (%s)",
                         deparse_expression(statement->whereClause, context, false, false));
    appendStringInfo(&query,
                     " GROUP BY %s HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 LIMIT 5",
                     keys.data);
    return {columns.data, query.data};
}

} // namespace

unique_keys unique_keys_of(std::string_view create_index, std::uint32_t table) {
    memory_context memory("confiture unique keys");
    memory_scope scope(memory);
    const std::string terminated(create_index);
    RawStmt *parsed = parse_statement(terminated.c_str());
    if (!castNode(IndexStmt, parsed->stmt)->unique)
        return {};
    IndexStmt *statement = call([&] {
        LockRelationOid(table, AccessShareLock);
        PushActiveSnapshot(GetTransactionSnapshot());
        IndexStmt *analysed =
            transformIndexStmt(table, castNode(IndexStmt, parsed->stmt), terminated.c_str());
        PopActiveSnapshot();
        return analysed;
    });
    settings_scope settings;
    settings.set("search_path", "pg_catalog, pg_temp");
    const texts read = call([&] { return read_keys(statement, table); });
    return {true, read.columns, read.query ? read.query : ""};
}

} // namespace confiture::pg
