#pragma once
/* What runs inside a statement: nested statements, objects touched, resources spent. */
#include "pg/plain.hpp"

#include "pg/outside_effects.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace confiture::pg {

/* Milliseconds on a clock that only goes forward. */
double now_ms();

/* What this backend has spent, parallel workers included; differences count. */
struct resources {
    std::int64_t wal_bytes, wal_records, wal_full_page_images;
    std::int64_t shared_hit, shared_read, shared_dirtied, shared_written;
    std::int64_t local_hit, local_read, local_dirtied, local_written;
    std::int64_t temp_read, temp_written;

    resources operator-(const resources &earlier) const;
    resources &operator+=(const resources &more);
};
resources resources_spent();

/* The backend's resident memory at its peak since reset_peak_memory(), in bytes; 0 where the system
 * does not say. */
void reset_peak_memory();
std::int64_t peak_memory();

struct nested_statement {
    std::string_view text; // valid during the call
    const char *tag;
    int depth; // 1: run by the top-level statement
    double elapsed_ms;
    std::int64_t rows;
    resources spent;
};

struct object_event {
    enum class action : std::uint8_t { created, altered, dropped, truncated } what;
    std::uint32_t class_id, object_id;
    std::int32_t sub_id;
};

/* Hears what happens while a statement runs.  Its functions may throw: the statement fails then. */
class observer {
public:
    virtual ~observer() = default;
    /* False: queries run as if nobody listened; utility statements and objects are told. */
    virtual bool hears_queries() const { return true; }
    /* A statement, nested or not, has its relations locked and begins to work on them. */
    virtual void relations_locked() = 0;
    /* The same where it is known which ones. */
    virtual void query_begins(const std::vector<std::uint32_t> &relations) = 0;
    /* A utility statement is about to work on these relations, which it has not locked yet. */
    virtual void utility_begins(const char *tag, const std::vector<std::uint32_t> &relations) = 0;
    virtual void nested_ended(const nested_statement &ended) = 0;
    /* A utility statement, nested or not, is about to do what no rollback undoes. */
    virtual void leaves_transaction(outside_effect, std::string_view) {}
    /* A function is about to be called.  `statement` is the innermost one that runs, empty where
     * that is none of SQL's own. */
    virtual void function_called(std::uint32_t, std::string_view) {}
    virtual void object_touched(const object_event &event) = 0;
    /* A block is about to be rolled back, with its locks held still; the catalogs cannot be read,
     * and what this throws is lost. */
    virtual void subtransaction_aborts() = 0;
    /* A data-modifying or reading statement took this long: its plan with actual rows. */
    virtual void plan_executed(std::string_view plan, int depth, double elapsed_ms) = 0;
    /* Statements at or above this run time have their plan told. */
    virtual double plan_threshold_ms() const = 0;
};

/* Observes from construction to destruction; one that is around it hears nothing meanwhile. */
class observation {
public:
    explicit observation(observer &wanted);
    observation(const observation &) = delete;
    observation &operator=(const observation &) = delete;
    ~observation();

    /* Forgets what an ERROR left half-told, before the next top-level statement. */
    static void begin_statement();

private:
    observer *before_;
    bool heard_before_;
    int depth_before_;
    std::size_t queries_before_;
};

/* While it lives, nothing is told: confiture's own bookkeeping is no part of what runs. */
class unobserved {
public:
    unobserved() noexcept;
    unobserved(const unobserved &) = delete;
    unobserved &operator=(const unobserved &) = delete;
    ~unobserved();

private:
    observer *before_;
};

/* Called by _PG_init. */
void install_tracer();

} // namespace confiture::pg
