/*
 * Functions for test/cluster/progress.t alone: publishers that tell what a counter says, readers
 * that notice when they do not, and segments of strangers.
 */
#include "pg/boundary.hpp"

#include "pg/function.hpp"
#include "pg/progress.hpp"
#include "pg/query.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

extern "C" {
#include "storage/dsm.h"
}

#include <sys/resource.h>

namespace {

namespace pg = confiture::pg;

pg::progress_publisher *kept = nullptr; // across the calls of a session

/* Every field says the same number. */
pg::progress counted(int number) {
    const std::string text = std::to_string(number);
    pg::progress told;
    told.doing = static_cast<pg::activity>(number % (static_cast<int>(pg::activity::last) + 1));
    told.worker = number;
    told.version = text;
    told.name = std::string(240, static_cast<char>('a' + number % 26)) + text;
    told.direction = number % 2 ? "forward" : "backward";
    told.command = text;
    told.hook = text;
    for (std::int32_t *field : {&told.migration, &told.migrations, &told.step, &told.steps,
                                &told.statement, &told.statements, &told.line, &told.attempt})
        *field = number;
    told.set_blockers(
        std::vector<int>(static_cast<std::size_t>(number % (told.most_blockers + 1)), number));
    for (std::int64_t *field : {&told.run_began_at, &told.began_at, &told.statement_began_at,
                                &told.rows_done, &told.rows_total})
        *field = number;
    told.estimated_ms = number;
    return told;
}

bool same(const pg::progress &left, const pg::progress &right) {
    const bool texts =
        left.version.view() == right.version.view() && left.name.view() == right.name.view() &&
        left.direction.view() == right.direction.view() &&
        left.command.view() == right.command.view() && left.hook.view() == right.hook.view();
    const bool counts = left.worker == right.worker && left.migration == right.migration &&
                        left.migrations == right.migrations && left.step == right.step &&
                        left.steps == right.steps && left.statement == right.statement &&
                        left.statements == right.statements && left.line == right.line &&
                        left.attempt == right.attempt;
    const bool times = left.run_began_at == right.run_began_at && left.began_at == right.began_at &&
                       left.statement_began_at == right.statement_began_at;
    return texts && counts && times && left.doing == right.doing &&
           left.blocker_count == right.blocker_count &&
           std::equal(left.blockers, left.blockers + left.blocker_count, right.blockers) &&
           left.rows_done == right.rows_done && left.rows_total == right.rows_total &&
           left.estimated_ms == right.estimated_ms;
}

/* Lets nothing be opened for as long as it lives. */
class no_files {
public:
    no_files() {
        getrlimit(RLIMIT_NOFILE, &before_);
        rlimit none = before_;
        none.rlim_cur = 0;
        setrlimit(RLIMIT_NOFILE, &none);
    }
    no_files(const no_files &) = delete;
    no_files &operator=(const no_files &) = delete;
    ~no_files() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_;
};

dsm_segment *pinned_segment(std::size_t size) {
    return pg::call([&] {
        dsm_segment *created = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
        if (created)
            dsm_pin_mapping(created);
        return created;
    });
}

void keep(const pg::progress &now) {
    if (kept)
        kept->publish(now);
    else
        kept = new pg::progress_publisher(now); // NOLINT: deleted by confiture_border_withdraw
}

} // namespace

CONFITURE_FUNCTION(confiture_border_publish) {
    keep(counted(arguments.integer(0)));
    return {};
}

/* What a migrator might say. */
CONFITURE_FUNCTION(confiture_border_migrate) {
    pg::progress now;
    now.version = arguments.text(0);
    now.name = arguments.text(1);
    now.direction = "forward";
    now.command = "CREATE INDEX";
    now.doing = static_cast<pg::activity>(arguments.integer(2));
    now.run_began_at = now.statement_began_at = pg::timestamp_now();
    now.began_at = now.run_began_at - std::int64_t{1000} * arguments.integer(3);
    now.estimated_ms = arguments.integer(4);
    now.rows_done = arguments.integer(5);
    now.rows_total = arguments.integer(6);
    now.worker = arguments.integer(7);
    if (arguments.integer(8))
        now.set_blockers({arguments.integer(8)});
    keep(now);
    return {};
}

CONFITURE_FUNCTION(confiture_border_withdraw) {
    delete kept;
    kept = nullptr;
    return {};
}

/* Publishes while a statement runs; the statement's error unwinds the publisher. */
CONFITURE_FUNCTION(confiture_border_publish_during) {
    const pg::progress_publisher publisher(counted(arguments.integer(0)));
    const std::string statement = arguments.text(1);
    const auto rows = pg::query(statement);
    return rows.empty() || rows[0].empty() ? pg::value{} : pg::text_or_null(rows[0][0]);
}

/* An ERROR that comes while this session has the very LWLocks that withdrawing takes. */
CONFITURE_FUNCTION(confiture_border_fail_under_locks) {
    const pg::progress_publisher publisher(counted(arguments.integer(0)));
    pg::call([] {
        for (int partition = 0; partition < NUM_LOCK_PARTITIONS; partition++)
            LWLockAcquire(LockHashPartitionLockByIndex(partition), LW_EXCLUSIVE);
        LWLockAcquire(DynamicSharedMemoryControlLock, LW_EXCLUSIVE);
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg_internal("raised under locks")));
    });
    return {};
}

/* The inner one of two, before a statement runs and is over. */
CONFITURE_FUNCTION(confiture_border_publish_nested) {
    pg::progress_publisher outer(counted(1));
    const std::string statement = arguments.text(0);
    std::string seen;
    const auto look = [&] { seen += pg::query(statement).at(0).at(0).value_or("null") + " "; };
    {
        pg::progress_publisher inner(counted(2));
        look();
        inner.publish(counted(3));
        look();
    }
    look();
    outer.publish(counted(4));
    look();
    return pg::text(seen);
}

/* Publishes and withdraws so many times. */
CONFITURE_FUNCTION(confiture_border_publish_often) {
    const int count = arguments.integer(0);
    for (int i = 0; i < count; i++) {
        pg::progress_publisher publisher(counted(i));
        publisher.publish(counted(i + 1));
    }
    return {};
}

/* Publishes for so many milliseconds with no pause; returns how often. */
CONFITURE_FUNCTION(confiture_border_publish_loop) {
    const double ends = pg::now_ms() + arguments.integer(0);
    int number = 1;
    pg::progress_publisher publisher(counted(number));
    while (pg::now_ms() < ends) {
        for (int i = 0; i < 100; i++)
            publisher.publish(counted(++number));
        pg::check_for_interrupts();
    }
    return pg::integer(number);
}

/* Reads for so many milliseconds: rows read, rows that contradict themselves, numbers seen, steps
 * back. */
CONFITURE_FUNCTION(confiture_border_read_loop) {
    const double ends = pg::now_ms() + arguments.integer(0);
    int rows = 0, torn = 0, changes = 0, back = 0, last = 0;
    while (pg::now_ms() < ends) {
        for (const pg::published_progress &published : pg::read_progress()) {
            rows++;
            torn += !same(published.now, counted(published.now.step));
            changes += published.now.step != last;
            back += published.now.step < last;
            last = published.now.step;
        }
        pg::check_for_interrupts();
    }
    return pg::integer_array({rows, torn, changes, back});
}

/* Nanoseconds that one call of publish() takes, the least of several times. */
CONFITURE_FUNCTION(confiture_border_publish_cost) {
    constexpr int times = 20, count = 10000;
    const pg::progress now = counted(12345);
    pg::progress_publisher publisher(now);
    double least = 1e9;
    for (int i = 0; i < times; i++) {
        const double began = pg::now_ms();
        for (int j = 0; j < count; j++)
            publisher.publish(now);
        least = std::min(least, (pg::now_ms() - began) * 1e6 / count);
    }
    return pg::real(least);
}

/* Publishes where no shared memory can be had, and says what the session sees of it. */
CONFITURE_FUNCTION(confiture_border_publish_without_files) {
    no_files none;
    pg::progress_publisher publisher(counted(1));
    publisher.publish(counted(2));
    return pg::integer(static_cast<int>(pg::read_progress().size()));
}

/* A lock with the key of a publisher's. */
CONFITURE_FUNCTION(confiture_border_point_at) {
    const auto lock_class = static_cast<std::uint32_t>(arguments.integer(0));
    const auto handle = static_cast<std::uint32_t>(std::stoll(arguments.text(1)));
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, lock_class, handle, 3);
    pg::call([&] { LockAcquire(&tag, ExclusiveLock, true, true); });
    return {};
}

/* Makes a segment of the first bytes of one that is mapped here, one of them changed, and returns
 * its handle. */
CONFITURE_FUNCTION(confiture_border_forge) {
    const auto handle = static_cast<std::uint32_t>(std::stoll(arguments.text(0)));
    const int length = arguments.integer(1), changed = arguments.integer(2);
    const auto *from = static_cast<const char *>(
        pg::call([&] { return dsm_segment_address(dsm_find_mapping(handle)); }));
    dsm_segment *forged = pinned_segment(static_cast<std::size_t>(length));
    auto *into = static_cast<char *>(dsm_segment_address(forged));
    std::memcpy(into, from, static_cast<std::size_t>(length));
    if (changed >= 0)
        into[changed] = static_cast<char>(into[changed] ^ 0x55);
    return pg::text(std::to_string(dsm_segment_handle(forged)));
}

/* The length of the segment with this handle, as the server maps it. */
CONFITURE_FUNCTION(confiture_border_segment_length) {
    const auto handle = static_cast<std::uint32_t>(std::stoll(arguments.text(0)));
    return pg::integer(static_cast<int>(
        pg::call([&] { return dsm_segment_map_length(dsm_find_mapping(handle)); })));
}

/* Takes every segment that the server has to give, until the session ends. */
CONFITURE_FUNCTION(confiture_border_take_segments) {
    int count = 0;
    while (pinned_segment(1))
        count++;
    return pg::integer(count);
}
