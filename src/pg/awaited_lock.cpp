#include "pg/awaited_lock.hpp"

#include "pg/boundary.hpp"
#include "pg/proc.hpp"
#include "pg/tracer.hpp"

#include <algorithm>

extern "C" {
#include "utils/array.h"
}

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

std::vector<int> blockers_of(int process_id) {
    const ArrayType *found = call([&] {
        return DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(process_id)));
    });
    const auto *first = reinterpret_cast<const std::int32_t *>(ARR_DATA_PTR(found));
    return {first, first + ArrayGetNItems(ARR_NDIM(found), ARR_DIMS(found))};
}

std::vector<wait_caused> waiters_for(int process_id) {
    std::vector<wait_caused> waiters;
    for (std::uint32_t i = 0; i < ProcGlobal->allProcCount; i++) {
        const PGPROC *process = &ProcGlobal->allProcs[i];
        const int waiting = process->waitLock ? process->pid : 0;
        const auto awaited =
            waiting && waiting != process_id ? awaited_lock(waiting) : std::nullopt;
        if (!awaited)
            continue;
        const std::vector<int> blockers = blockers_of(waiting);
        if (std::find(blockers.begin(), blockers.end(), process_id) != blockers.end())
            waiters.push_back({awaited->tag, awaited->mode, waiting, 0});
    }
    return waiters;
}

std::vector<lock_tag> writers_blocked_by(int process_id) {
    constexpr LOCKMASK blocking = LOCKBIT_ON(ShareLock) | LOCKBIT_ON(ShareRowExclusiveLock) |
                                  LOCKBIT_ON(ExclusiveLock) | LOCKBIT_ON(AccessExclusiveLock);
    std::vector<lock_tag> relations;
    LockData *locks = call([] { return GetLockStatusData(); });
    for (int i = 0; i < locks->nelements; i++) {
        const LockInstanceData &lock = locks->locks[i];
        if (lock.pid == process_id && lock.locktag.locktag_type == LOCKTAG_RELATION &&
            (lock.holdMask & blocking))
            relations.push_back(plain(lock.locktag));
    }
    pfree(locks->locks);
    pfree(locks);
    return relations;
}

bool is_transaction(const lock_tag &tag) {
    return tag.type == LOCKTAG_VIRTUALTRANSACTION || tag.type == LOCKTAG_TRANSACTION;
}

} // namespace confiture::pg
