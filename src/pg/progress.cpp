#include "pg/progress.hpp"

#include "pg/boundary.hpp"
#include "pg/proc.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

extern "C" {
#include "port/atomics.h"
#include "storage/dsm.h"
}

namespace confiture::pg {

namespace {

constexpr std::uint64_t magic = 0x8AF1'70C0'4F17'3E01; // no text, no pointer, no size
constexpr std::uint32_t layout = 2;                    // counts the changes of shared_progress
constexpr std::uint32_t lock_class = 0x434F4652;
/* pg_advisory_lock() takes 1 and 2: no SQL function makes or breaks a lock of ours alone. */
constexpr std::uint16_t lock_kind = 3;

/* A segment.  `written` counts: copy `written % 2` is whole, the other one is being written.  A
 * writer that is stopped in the middle keeps no reader waiting. */
struct shared_progress {
    std::uint64_t magic = 0;
    std::uint32_t layout = 0, size = 0;
    std::int32_t process_id = 0;
    Oid database = InvalidOid, role = InvalidOid;
    pg_atomic_uint32 written{};
    progress copies[2];
};
static_assert(std::is_trivially_copyable_v<progress>);

/* Of this session. */
constinit dsm_segment *segment = nullptr;
constinit shared_progress *shared = nullptr;
constinit LOCKTAG published{};

LOCKTAG tag_of(dsm_handle handle) {
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, lock_class, handle, lock_kind);
    return tag;
}

bool take_lock() {
    return LockAcquireExtended(&published, ExclusiveLock, true, true, false,
                               nullptr CONFITURE_LOG_LOCK_FAILURE) != LOCKACQUIRE_NOT_AVAIL;
}

bool holds_lock() { return LockHeldByMe(&published, ExclusiveLock CONFITURE_LOCK_HELD_EXACTLY); }

/* The segment is the session's before its creator's savepoint ends. */
void create_segment() {
    in_subtransaction([] {
        segment = call([] {
            dsm_segment *created =
                dsm_create(sizeof(shared_progress), DSM_CREATE_NULL_IF_MAXSEGMENTS);
            if (created)
                dsm_pin_mapping(created);
            return created;
        });
    });
}

void fill_segment(const progress &first) {
    shared = static_cast<shared_progress *>(dsm_segment_address(segment));
    shared->magic = magic;
    shared->layout = layout;
    shared->size = sizeof(shared_progress);
    shared->process_id = MyProcPid;
    shared->database = MyDatabaseId;
    shared->role = GetUserId();
    pg_atomic_init_u32(&shared->written, 0);
    shared->copies[0] = shared->copies[1] = first;
    published = tag_of(dsm_segment_handle(segment));
}

void withdraw() noexcept {
    if (!segment)
        return;
    // Under an ERROR the LWLocks of whoever raised it are held until the transaction is aborted,
    // and none may be awaited.
    if (std::uncaught_exceptions() > 0)
        LWLockReleaseAll();
    shared = nullptr;
    try {
        call([] {
            if (holds_lock())
                LockRelease(&published, ExclusiveLock, true);
        });
    } catch (...) { // NOLINT(bugprone-empty-catch): the end of the session releases it
    }
    dsm_segment *ours = segment;
    segment = nullptr;
    try {
        call([&] { dsm_detach(ours); });
    } catch (...) { // NOLINT(bugprone-empty-catch): the end of the session detaches it
    }
}

/* One of the two must not be taken for the server's lack of room. */
bool ends_the_statement(const error &raised) {
    const std::string state = raised.sqlstate();
    return state == "57014" || state.compare(0, 4, "57P0") == 0;
}

/* A stranger's segment may hold anything, at any length. */
bool is_ours(const shared_progress *found, std::size_t length, int process_id) {
    return length >= sizeof(shared_progress) && found->magic == magic && found->layout == layout &&
           found->size == sizeof(shared_progress) && found->process_id == process_id &&
           found->database == MyDatabaseId;
}

void write(const progress &now) {
    const std::uint32_t next = pg_atomic_read_u32(&shared->written) + 1;
    pg_write_barrier(); // nobody may see the copy change and the count of before
    shared->copies[next % 2] = now;
    pg_write_barrier();
    pg_atomic_write_u32(&shared->written, next);
}

bool copy_whole(shared_progress *from, progress &into) {
    constexpr int most_tries = 1000; // one is enough, unless somebody does nothing but publish
    for (int i = 0; i < most_tries; i++) {
        const std::uint32_t before = pg_atomic_read_u32(&from->written);
        pg_read_barrier();
        into = from->copies[before % 2];
        pg_read_barrier();
        if (pg_atomic_read_u32(&from->written) == before)
            return true;
    }
    return false;
}

bool is_plausible(const progress &read) {
    return read.doing >= activity{} && read.doing <= activity::last && read.blocker_count >= 0 &&
           read.blocker_count <= progress::most_blockers;
}

bool read_segment(dsm_segment *found, int process_id, published_progress &into) {
    auto *content = static_cast<shared_progress *>(dsm_segment_address(found));
    if (!is_ours(content, dsm_segment_map_length(found), process_id))
        return false;
    into.process_id = process_id;
    into.role = content->role;
    return copy_whole(content, into.now) && is_plausible(into.now);
}

/* dsm_attach() answers null for what is gone, and refuses a segment that is mapped here already. */
bool read_handle(dsm_handle handle, int process_id, published_progress &into) {
    if (dsm_segment *mapped = dsm_find_mapping(handle))
        return read_segment(mapped, process_id, into);
    dsm_segment *attached = call([&] { return dsm_attach(handle); });
    if (!attached)
        return false;
    const bool read = read_segment(attached, process_id, into);
    call([&] { dsm_detach(attached); });
    return read;
}

struct holder {
    dsm_handle handle;
    int process_id;
};

std::vector<holder> holders() {
    std::vector<holder> found;
    LockData *locks = call([] { return GetLockStatusData(); });
    for (int i = 0; i < locks->nelements; i++) {
        const LockInstanceData &lock = locks->locks[i];
        const LOCKTAG tag = tag_of(lock.locktag.locktag_field3);
        if (std::memcmp(&tag, &lock.locktag, sizeof tag) == 0 &&
            (lock.holdMask & LOCKBIT_ON(ExclusiveLock)) && tag.locktag_field3 != 0)
            found.push_back({tag.locktag_field3, lock.pid});
    }
    pfree(locks->locks);
    pfree(locks);
    return found;
}

} // namespace

std::size_t whole_characters(std::string_view text, std::size_t room) noexcept {
    if (text.size() <= room)
        return text.size();
    return static_cast<std::size_t>(
        pg_mbcliplen(text.data(), static_cast<int>(text.size()), static_cast<int>(room)));
}

const char *activity_name(activity doing) noexcept {
    switch (doing) {
    case activity::migrating:
        return "migrating";
    case activity::running_hooks:
        return "running hooks";
    case activity::backfilling:
        return "backfilling";
    case activity::waiting_for_migrator:
        return "waiting for another migrator";
    case activity::waiting_for_lock:
        return "waiting for a lock";
    case activity::pausing_before_retry:
        return "pausing before a retry";
    case activity::waiting_for_replicas:
        return "waiting for replicas";
    case activity::running_at_top_level:
        return "running a statement at top level";
    }
    return "";
}

void progress::set_blockers(const std::vector<int> &process_ids) noexcept {
    blocker_count =
        static_cast<std::int32_t>(std::min(process_ids.size(), std::size_t{most_blockers}));
    std::copy_n(process_ids.begin(), blocker_count, blockers);
}

std::int64_t timestamp_now() noexcept { return GetCurrentTimestamp(); }

progress_publisher::progress_publisher(const progress &first) {
    if (segment)
        return;
    try {
        create_segment();
        if (!segment)
            return;
        fill_segment(first);
        if (!call([] { return take_lock(); })) {
            withdraw();
            return;
        }
    } catch (const error &raised) {
        withdraw();
        if (ends_the_statement(raised))
            throw;
        return;
    } catch (const std::bad_alloc &) {
        withdraw();
        return;
    }
    publishes_ = true;
}

progress_publisher::~progress_publisher() {
    if (publishes_)
        withdraw();
}

/* A script may have called pg_advisory_unlock_all(), which gives up our lock too. */
void progress_publisher::publish(const progress &now) noexcept {
    if (!publishes_)
        return;
    write(now);
    if (holds_lock())
        return;
    try {
        call([] { take_lock(); });
    } catch (...) { // NOLINT(bugprone-empty-catch): the next call tries again
    }
}

void show_worker(int process_id) noexcept {
    if (!shared)
        return;
    progress now = shared->copies[pg_atomic_read_u32(&shared->written) % 2];
    now.worker = process_id;
    write(now);
}

std::vector<published_progress> read_progress() {
    std::vector<published_progress> all;
    for (const holder &found : holders())
        if (published_progress one; read_handle(found.handle, found.process_id, one))
            all.push_back(one);
    std::sort(all.begin(), all.end(),
              [](const published_progress &left, const published_progress &right) {
                  return left.process_id < right.process_id;
              });
    return all;
}

} // namespace confiture::pg
