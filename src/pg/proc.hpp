#pragma once
/*
 * PGPROC and its lock lists in the shape of each PostgreSQL version: SHM_QUEUE up to 15, dlist from
 * 16; one word of fast-path bits up to 17, groups of slots from 18.
 */
#include "pg/postgres.hpp"

#include "pg/locks.hpp"

namespace confiture::pg {

static_assert(sizeof(LOCKTAG) == sizeof(lock_tag));

inline lock_tag plain(const LOCKTAG &tag) {
    return {tag.locktag_field1, tag.locktag_field2, tag.locktag_field3,
            tag.locktag_field4, tag.locktag_type,   tag.locktag_lockmethodid};
}

inline LOCKTAG raw(const lock_tag &tag) {
    return {tag.field1, tag.field2, tag.field3, tag.field4, tag.type, tag.method};
}

/* The transaction that a session is in, as its virtual transaction id counts them. */
inline LocalTransactionId local_transaction(const PGPROC *process) {
#if PG_VERSION_NUM >= 170000
    return process->vxid.lxid;
#else
    return process->lxid;
#endif
}

inline int fast_path_slots() {
#if PG_VERSION_NUM >= 180000
    return FastPathLockSlotsPerBackend();
#else
    return FP_LOCK_SLOTS_PER_BACKEND;
#endif
}

/* The modes held in a slot, as a lock mask. */
inline unsigned fast_path_modes(const PGPROC *process, int slot) {
#if PG_VERSION_NUM >= 180000
    const std::uint64_t bits = process->fpLockBits[slot / FP_LOCK_SLOTS_PER_GROUP];
    return static_cast<unsigned>(bits >> (3 * (slot % FP_LOCK_SLOTS_PER_GROUP)) & 7) << 1;
#else
    return static_cast<unsigned>(process->fpLockBits >> (3 * slot) & 7) << 1;
#endif
}

#if PG_VERSION_NUM >= 160000
// dlist_foreach and dlist_container do not compile as C++.
inline PROCLOCK *lock_of(dlist_node *link) {
    return reinterpret_cast<PROCLOCK *>(reinterpret_cast<char *>(link) -
                                        offsetof(PROCLOCK, procLink));
}

inline const void *empty_link(PGPROC *process, int partition) {
    return &process->myProcLocks[partition].head;
}

inline const void *last_link(PGPROC *process, int partition) {
    dlist_node &head = process->myProcLocks[partition].head;
    return head.prev ? head.prev : &head;
}

inline PROCLOCK *first_lock(PGPROC *process, int partition) {
    dlist_node &head = process->myProcLocks[partition].head;
    return head.next && head.next != &head ? lock_of(head.next) : nullptr;
}

inline PROCLOCK *next_lock(PGPROC *process, int partition, PROCLOCK *held) {
    dlist_node *next = held->procLink.next;
    return next && next != &process->myProcLocks[partition].head ? lock_of(next) : nullptr;
}
#else
inline const void *empty_link(PGPROC *process, int partition) {
    return &process->myProcLocks[partition];
}

inline const void *last_link(PGPROC *process, int partition) {
    return process->myProcLocks[partition].prev;
}

inline PROCLOCK *first_lock(PGPROC *process, int partition) {
    SHM_QUEUE *queue = &process->myProcLocks[partition];
    return reinterpret_cast<PROCLOCK *>(SHMQueueNext(queue, queue, offsetof(PROCLOCK, procLink)));
}

inline PROCLOCK *next_lock(PGPROC *process, int partition, PROCLOCK *held) {
    SHM_QUEUE *queue = &process->myProcLocks[partition];
    return reinterpret_cast<PROCLOCK *>(
        SHMQueueNext(queue, &held->procLink, offsetof(PROCLOCK, procLink)));
}
#endif

/*
 * The same lists read with no LWLock, for a timer's handler, which must not take one.  Only this
 * session removes from its lists, and locks are never unmapped; an entry that another session is
 * moving here from the fast path may be half linked, so every link may be null and every walk is
 * bounded by its caller.
 */
inline PROCLOCK *peek_lock(void *link, const void *end, std::size_t offset) {
    return link && link != end ? reinterpret_cast<PROCLOCK *>(static_cast<char *>(link) - offset)
                               : nullptr;
}

#if PG_VERSION_NUM >= 160000
inline PROCLOCK *peek_first(dlist_head *list, std::size_t offset) {
    return peek_lock(list->head.next, &list->head, offset);
}
inline PROCLOCK *peek_next(dlist_head *list, dlist_node *link, std::size_t offset) {
    return peek_lock(link->next, &list->head, offset);
}
#else
inline PROCLOCK *peek_first(SHM_QUEUE *list, std::size_t offset) {
    return peek_lock(list->next, list, offset);
}
inline PROCLOCK *peek_next(SHM_QUEUE *list, SHM_QUEUE *link, std::size_t offset) {
    return peek_lock(link->next, list, offset);
}
#endif

/* The members of the leader's lock group besides itself; the caller holds the group's LWLock. */
inline int lock_group_members(PGPROC *leader, PGPROC **members, int most) {
    int count = 0;
    dlist_node *head = &leader->lockGroupMembers.head;
    for (dlist_node *link = head->next; link && link != head && count < most; link = link->next) {
        auto *member = reinterpret_cast<PGPROC *>(reinterpret_cast<char *>(link) -
                                                  offsetof(PGPROC, lockGroupLink));
        if (member != leader)
            members[count++] = member;
    }
    return count;
}

/* Is it an autovacuum worker that DeadLockCheck() would cancel for whoever waits for it? */
inline bool would_be_cancelled(const PGPROC *process) {
#if PG_VERSION_NUM >= 140000
    const int flags = process->statusFlags;
#else
    const int flags = ProcGlobal->allPgXact[process->pgprocno].vacuumFlags;
#endif
    return (flags & PROC_IS_AUTOVACUUM) && !(flags & PROC_VACUUM_FOR_WRAPAROUND);
}

inline PGPROC *process_of(const VirtualTransactionId &transaction) {
#if PG_VERSION_NUM >= 170000
    return ProcNumberGetProc(transaction.procNumber);
#else
    return BackendIdGetProc(transaction.backendId);
#endif
}

} // namespace confiture::pg

/* LockHeldByMe() learned orstronger in 17. */
#if PG_VERSION_NUM >= 170000
#define CONFITURE_LOCK_HELD_EXACTLY , false
#else
#define CONFITURE_LOCK_HELD_EXACTLY
#endif

/* LockAcquireExtended() learned logLockFailure in 18. */
#if PG_VERSION_NUM >= 180000
#define CONFITURE_LOG_LOCK_FAILURE , false
#else
#define CONFITURE_LOG_LOCK_FAILURE
#endif
