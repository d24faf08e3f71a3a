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
    virtual void commit() = 0;
};

class callers_transaction final : public transactions {
public:
    bool are_ours() const override { return false; }
    void commit() override {}
};

} // namespace confiture::apply
