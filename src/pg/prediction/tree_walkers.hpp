#pragma once
/* The server's tree walkers; before 16 they are declared without a prototype for the callback. */
#include "pg/postgres.hpp"

namespace confiture::pg {

using tree_visitor = bool (*)(Node *, void *);

#if PG_VERSION_NUM >= 160000
inline tree_visitor as_walker(tree_visitor visit) { return visit; }
#else
using unprototyped_walker = bool (*)();
inline unprototyped_walker as_walker(tree_visitor visit) {
    using any_function = void (*)();
    return reinterpret_cast<unprototyped_walker>(reinterpret_cast<any_function>(visit));
}
#endif

/* Visits the children of a node of a raw parse tree. */
inline bool walk_raw(Node *node, tree_visitor visit, void *argument) {
    return raw_expression_tree_walker(node, as_walker(visit), argument);
}

/* Those of an analysed expression. */
inline bool walk_expression(Node *node, tree_visitor visit, void *argument) {
    return expression_tree_walker(node, as_walker(visit), argument);
}

/* An analysed query, its range table entries included. */
inline bool walk_query(Query *query, tree_visitor visit, void *argument) {
    return query_tree_walker(query, as_walker(visit), argument, QTW_EXAMINE_RTES_BEFORE);
}

} // namespace confiture::pg
