#include "pg/read_only.hpp"

#include "pg/transaction.hpp"

namespace confiture::pg {

void refuse_where_read_only(const std::string &act, sqlstate state) {
    if (in_recovery())
        throw failure{state, "cannot " + act + " on a standby server",
                      "The server is in recovery: it takes no writes.",
                      "Run it on the primary: the standby follows."};
    if (transaction_is_read_only())
        throw failure{state, "cannot " + act + " in a read-only transaction", "",
                      "SET TRANSACTION READ WRITE, or SET default_transaction_read_only = off."};
}

} // namespace confiture::pg
