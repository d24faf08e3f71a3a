#pragma once
/* Procedures that commit as they go. */
#include "pg/function.hpp"

namespace confiture::pg {

/* The transactions of one CALL.  Between them nothing is held: no snapshot, no transaction id, no
 * lock but those of the session.  No settings_scope, subtransaction or as_owner may live across a
 * commit(). */
class committing_call {
public:
    /* Throws failure{not_transactional} where the caller's transaction is not ours to end; `name`
     * is the procedure's. */
    committing_call(const arguments &arguments, const char *name);
    committing_call(const committing_call &) = delete;
    committing_call &operator=(const committing_call &) = delete;
    ~committing_call();

    /* Begins the next transaction.  Where it throws pg::error this one is rolled back, which gives
     * up the session's locks on relations too, and the next one has begun. */
    void commit();

    /* False where PL/pgSQL runs around the CALL: what its loops read would end with a transaction
     * that is rolled back, and what may fail runs in a subtransaction. */
    bool can_roll_back() const { return !in_other_code_; }

    /* Ends this transaction as an ERROR at top level does, also right after one, and begins the
     * next.  It gives up the session's locks on relations too. */
    void roll_back();

private:
    void connect();

    const bool in_other_code_;
    void *memory_ = nullptr; // of the connection to SPI
};

/* Sleeps in a transaction that holds nothing; a cancel ends it with its error. */
void pause(int milliseconds);

} // namespace confiture::pg
