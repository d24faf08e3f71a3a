#pragma once
/*
 * What a migrator tells of itself while it works, for every session of its database to read: in
 * shared memory, without a preloaded library.  Commits and rollbacks do not touch it.
 */
#include "pg/plain.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

namespace confiture::pg {

/* The bytes of `text` that fit into `room` without cutting a character. */
std::size_t whole_characters(std::string_view text, std::size_t room) noexcept;

/* Text in a place of fixed size; what does not fit is cut off after a whole character. */
template <std::size_t size> class fixed_text {
public:
    fixed_text &operator=(std::string_view text) noexcept {
        const std::size_t length = whole_characters(text, size - 1);
        for (std::size_t i = 0; i < size; i++)
            bytes_[i] = i < length ? text[i] : '\0';
        return *this;
    }
    std::string_view view() const noexcept {
        std::size_t length = 0;
        while (length < size - 1 && bytes_[length])
            length++;
        return {bytes_, length};
    }

private:
    char bytes_[size] = {};
};

enum class activity : std::int32_t {
    migrating,
    running_hooks,
    backfilling,
    waiting_for_migrator, // another one is at work
    waiting_for_lock,
    pausing_before_retry,
    waiting_for_replicas,
    running_at_top_level, // in a background worker
    last = running_at_top_level,
};

/* In words, as confiture.progress shows it. */
const char *activity_name(activity doing) noexcept;

/* Plain data.  0 stands for what is not known or does not apply. */
struct progress {
    static constexpr int most_blockers = 8;

    activity doing = activity::migrating;
    std::int32_t worker = 0; // see show_worker()
    fixed_text<128> version;
    fixed_text<256> name;
    fixed_text<16> direction;
    fixed_text<64> command;                     // tag of the statement, CREATE INDEX
    fixed_text<256> hook;                       // that runs
    std::int32_t migration = 0, migrations = 0; // the one at work counts from 1, of how many
    std::int32_t step = 0, steps = 0;
    std::int32_t statement = 0, statements = 0;
    std::int32_t line = 0;
    std::int32_t attempt = 0;
    std::int32_t blocker_count = 0;
    std::int32_t blockers[most_blockers] = {}; // process ids, of the last attempt that had to wait
    std::int64_t run_began_at = 0;             // timestamp_now()
    std::int64_t began_at = 0;                 // this migration, or this backfill
    std::int64_t statement_began_at = 0;
    std::int64_t rows_done = 0, rows_total = 0; // of a backfill, since began_at
    double estimated_ms = 0;                    // of this migration as a whole; <= 0: unknown

    void set_blockers(const std::vector<int> &process_ids) noexcept;
};

/* Microseconds as a timestamp with time zone counts them. */
std::int64_t timestamp_now() noexcept;

/*
 * Publishes from its constructor to its destructor, also across commits, and holds one
 * session-level advisory lock for that long: its key says where to read.  One in a session: of two
 * that are nested the inner one does nothing, so that the outer run stays in view.  Where the
 * server has no shared memory or no lock to give, it publishes nothing; it never makes a migration
 * fail. Construct it inside a transaction.
 */
class progress_publisher {
public:
    /* Throws only the cancel or the end of this session that happened to come meanwhile. */
    explicit progress_publisher(const progress &first);
    progress_publisher(const progress_publisher &) = delete;
    progress_publisher &operator=(const progress_publisher &) = delete;
    ~progress_publisher();

    /* Some tens of nanoseconds, in any state of the transaction. */
    void publish(const progress &now) noexcept;

private:
    bool publishes_ = false;
};

/* Names the background worker that runs the statement, until the next publish(), which need not
 * know it.  Nothing happens in a session that does not publish. */
void show_worker(int process_id) noexcept;

struct published_progress {
    int process_id = 0;
    unsigned int role = 0; // whose rights the migrator had when it began
    progress now;
};

/* Of every publisher in this database, this session's own too. */
std::vector<published_progress> read_progress();

} // namespace confiture::pg
