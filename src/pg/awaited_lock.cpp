#include "pg/awaited_lock.hpp"

#include "pg/boundary.hpp"
#include "pg/proc.hpp"
#include "pg/tracer.hpp"

namespace confiture::pg {

namespace {

/* By the server's clock, which has no relation to now_ms(). */
double ago_ms(PGPROC *process) {
#if PG_VERSION_NUM >= 140000
    const auto began = static_cast<TimestampTz>(pg_atomic_read_u64(&process->waitStart));
    if (began != 0)
        return static_cast<double>(GetCurrentTimestamp() - began) / 1000;
#else
    (void)process;
#endif
    return 0;
}

} // namespace

/* A LOCK is never unmapped, but may become another one's: what was read counts where the process
 * still waits for it, under the lock of its partition. */
std::optional<lock_wait> awaited_lock(int process_id) {
    PGPROC *process = BackendPidGetProc(process_id);
    LOCK *lock = process ? *const_cast<LOCK *volatile *>(&process->waitLock) : nullptr;
    if (!lock)
        return std::nullopt;
    const LOCKTAG tag = lock->tag;
    LWLock *partition = LockHashPartitionLock(LockTagHashCode(&tag));
    call([&] { LWLockAcquire(partition, LW_SHARED); });
    const bool waits = process->pid == process_id && process->waitLock == lock &&
                       std::memcmp(&lock->tag, &tag, sizeof tag) == 0;
    const int mode = process->waitLockMode;
    const double waited_ms = ago_ms(process);
    LWLockRelease(partition);
    if (!waits)
        return std::nullopt;
    const double now = now_ms();
    return lock_wait{plain(tag), mode, now - waited_ms, now, {}};
}

bool is_transaction(const lock_tag &tag) {
    return tag.type == LOCKTAG_VIRTUALTRANSACTION || tag.type == LOCKTAG_TRANSACTION;
}

} // namespace confiture::pg
