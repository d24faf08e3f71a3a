/* Times the reader of own locks that a dry run uses: the same objects, without the extension around
 * it. */
#include "pg/boundary.hpp"
#include "pg/locks.hpp"

#include <chrono>

using confiture::pg::lock_watch;

extern "C" {

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(microseconds_per_look);
PG_FUNCTION_INFO_V1(locks_seen);

/* microseconds_per_look(looks integer, whole boolean): the mean of so many looks in a row. */
Datum microseconds_per_look(PG_FUNCTION_ARGS) {
    const int looks = PG_GETARG_INT32(0);
    const bool whole = PG_GETARG_BOOL(1);
    const double mean = confiture::pg::boundary([&] {
        lock_watch watch;
        watch.look(true);
        std::size_t changes = 0;
        const auto started = std::chrono::steady_clock::now();
        for (int i = 0; i < looks; i++)
            changes += watch.look(whole).size();
        const std::chrono::duration<double, std::micro> spent =
            std::chrono::steady_clock::now() - started;
        if (changes > 0)
            throw std::runtime_error("a lock came or went while the looks were timed");
        return spent.count() / looks;
    });
    PG_RETURN_FLOAT8(mean);
}

/* locks_seen(): how many locks one look finds. */
Datum locks_seen(PG_FUNCTION_ARGS) {
    const auto count = confiture::pg::boundary(
        [] { return static_cast<std::int64_t>(confiture::pg::held_locks().size()); });
    PG_RETURN_INT64(count);
}
}
