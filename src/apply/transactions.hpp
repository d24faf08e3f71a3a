#pragma once
/* Whose transactions a migration runs in. */
#include "pg/plain.hpp"

namespace confiture::apply {

class transactions {
public:
    virtual ~transactions() = default;

    /* False where all is one transaction, the caller's: nothing is committed or waited for in
     * between then, and commit() does nothing. */
    virtual bool are_ours() const = 0;
    /* Where it throws pg::error the transaction is rolled back, and the next one has begun. */
    virtual void commit() = 0;

    /* Is a step the whole transaction, as psql would run it, which roll_back() takes back?  Else it
     * is a subtransaction. */
    virtual bool are_whole_steps() const = 0;
    /* Throws failure where the migrator lock, which goes with it, cannot be acquired again. */
    virtual void roll_back() = 0;

    /* What a script may have given up of the migrator lock is taken again. */
    virtual void keep_lock() = 0;
    /* False once others may have had the migrator lock meanwhile. */
    virtual bool kept_lock() const = 0;
};

class callers_transaction final : public transactions {
public:
    bool are_ours() const override { return false; }
    void commit() override {}
    bool are_whole_steps() const override { return false; }
    void roll_back() override {}
    void keep_lock() override {}
    bool kept_lock() const override { return true; }
};

} // namespace confiture::apply
