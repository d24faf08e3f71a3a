#include "pg/committing.hpp"

#include "pg/boundary.hpp"

extern "C" {
#include "storage/latch.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
}

namespace confiture::pg {

/* SPI_connect_ext() takes the caller's word for it, and would end his transaction. */
static bool is_atomic(FunctionCallInfo fcinfo) {
    return !fcinfo->context || !IsA(fcinfo->context, CallContext) ||
           castNode(CallContext, fcinfo->context)->atomic;
}

committing_call::committing_call(const arguments &arguments, const char *name)
    : in_other_code_(SPI_inside_nonatomic_context()) {
    if (is_atomic(arguments.handle()))
        throw failure{not_transactional,
                      std::string("confiture.") + name + "() cannot run inside a transaction",
                      "It commits every step; the transaction around it was begun by BEGIN, by a "
                      "client without autocommit, or by a function.",
                      std::string("Run CALL confiture.") + name +
                          "() on its own, with autocommit on.  confiture.apply() and "
                          "confiture.revert() stay in the caller's transaction."};
    connect();
}

void committing_call::connect() {
    MemoryContext caller = CurrentMemoryContext; // what is returned outlives SPI_finish()
    call([&] {
        SPI_connect_ext(SPI_OPT_NONATOMIC);
        memory_ = CurrentMemoryContext;
        SPI_commit();
        SPI_start_transaction();
    });
    CurrentMemoryContext = caller;
}

committing_call::~committing_call() { SPI_finish(); }

void committing_call::commit() {
    call([] {
        SPI_commit();
        SPI_start_transaction(); // begun already from PostgreSQL 15 on, and in later minor ones
    });
}

/* SPI_rollback() is for code that has not failed: it goes on with the cursors of loops, and counts
 * the snapshots.  What the server does after an ERROR takes away all that it left behind, the
 * connections to SPI among it, of which ours is the outermost; but the portal of the CALL lives on,
 * and may have a snapshot that code of a user was run with (EnsurePortalSnapshotExists()). */
void committing_call::roll_back() {
    MemoryContext caller = CurrentMemoryContext;
    call([] {
        if (ActivePortal)
            ActivePortal->portalSnapshot = nullptr;
        AbortOutOfAnyTransaction();
        StartTransactionCommand();
    });
    CurrentMemoryContext = caller;
    MemoryContextDelete(static_cast<MemoryContext>(memory_)); // lives as long as the portal
    connect(); // its commit has the next transaction begin now, and not with the CALL
}

void pause(int milliseconds) {
    call([&] {
        InvalidateCatalogSnapshot();
        const TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
        for (;;) {
            CHECK_FOR_INTERRUPTS();
            const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
            if (left <= 0)
                return;
            WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
                      PG_WAIT_EXTENSION);
            ResetLatch(MyLatch);
        }
    });
}

} // namespace confiture::pg
