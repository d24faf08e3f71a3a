#pragma once
/* Expressions of a script and of the catalog, read without running anything of a user's.
 *
 * The server runs code long before it executes a statement: parse analysis calls the input function
 * of a literal's type, which checks its domains, and the modifier function of a type; the planner
 * calls what is declared IMMUTABLE, inlines SQL, and asks support functions; the relation cache
 * plans index expressions and partition keys, the type cache the checks of a domain.  Whoever
 * previews a migration would run what others declared so, with his own rights.  So nothing here is
 * given to the server to evaluate unless all of it is built in. */
#include "pg/postgres.hpp"

extern "C" {
#include "parser/parse_node.h"
}

namespace confiture::pg {

/* Made by initdb, not by a user. */
inline bool is_built_in(Oid object) { return object < FirstNormalObjectId; }

/* An expression of a script after parse analysis.  Literals are constants where the type that they
 * get is built in, and parameters without a value elsewhere. */
struct analysed {
    Node *expression = nullptr; // null where not even analysing was safe
    bool built_in = false;      // the server may evaluate all of it
};

/* Where the value goes: 0 for as it comes. */
struct target {
    Oid type = InvalidOid;
    int32 modifier = -1;
};

/* The columns are those of `table`, on which the caller has a lock; null for none.  Raises what the
 * server says of an expression that it does not understand. */
analysed analyse(const Node *raw, Relation table, ParseExprKind where, const target &wanted);

/* An analysed value, converted as an assignment does. */
analysed converted(Node *value, const target &wanted);

/* May the server evaluate it, or what it makes of it?  True of constants, functions and operators
 * that are all built in, and of nothing that is not known here. */
bool built_in_only(Node *expression);

/* The modifier of a type as the script writes it; nothing where a user's function would tell. */
std::optional<int32> modifier_of(const TypeName *name, Oid type);

/* DomainHasConstraints() without planning them. */
bool has_constraints(Oid domain);

/* Does reading a literal of the type, or converting to it, check a domain with a function that runs
 * statements? */
bool type_runs_code(Oid type);

/* Is the key of a partitioned table, and of those above it, built in with all that compares it? */
bool has_built_in_key(Oid partitioned);

/* Are the CHECK constraints that the server takes for true? */
bool has_built_in_checks(Relation table);

} // namespace confiture::pg
