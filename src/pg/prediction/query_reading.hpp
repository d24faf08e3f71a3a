#pragma once
/* What the raw parse tree of a query names: the lock that parse analysis takes on each relation. */
#include "pg/postgres.hpp"

namespace confiture::pg {

struct query_reading {
    struct mention {
        const RangeVar *relation;
        LOCKMODE mode;
        bool filtered; // a condition or a join may spare partitions
    };
    std::vector<mention> relations;
    std::vector<const FuncCall *> functions;
    std::vector<const A_Expr *> operators;
    std::vector<const TypeName *> types; // of casts
    std::vector<Node *> writes;          // INSERT, UPDATE, DELETE and MERGE, those in WITH too
};

/* Walks the tree without asking the catalog. */
query_reading read_query(Node *node);

} // namespace confiture::pg
