#include "apply/heartbeat.hpp"

#include "apply/session_text.hpp"
#include "pg/awaited_lock.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/tracer.hpp"

#include <algorithm>

namespace confiture::apply {

namespace {

constexpr double every_ms = 10'000;
constexpr double patience_ms = 500; // a wait that is shorter is not worth a notice

/* What the server says of itself, as confiture.progress does. */
constexpr const char *phase_of_worker = R"(
SELECT phase || CASE WHEN total > 0 THEN format(', %s %%', round(100.0 * done / total)) ELSE '' END
FROM (SELECT pid, phase, CASE WHEN blocks_total > 0 THEN blocks_done ELSE tuples_done END,
             CASE WHEN blocks_total > 0 THEN blocks_total ELSE tuples_total END
      FROM pg_stat_progress_create_index
      UNION ALL
      SELECT pid, phase, heap_blks_scanned, heap_blks_total FROM pg_stat_progress_cluster
      UNION ALL
      SELECT pid, phase, heap_blks_scanned, heap_blks_total FROM pg_stat_progress_vacuum)
     p (pid, phase, done, total)
WHERE pid = $1::integer)";

std::string seconds_since(std::int64_t timestamp) {
    return std::to_string((pg::timestamp_now() - timestamp) / 1'000'000) + " s";
}

std::string place_of(const pg::progress &now) {
    return "migration \"" + std::string(now.version.view()) +
           "\": " + std::string(now.command.view()) + " in line " + std::to_string(now.line);
}

} // namespace

heartbeat::heartbeat() : told_ms_(pg::now_ms()) {}

void heartbeat::tell(const pg::progress &now) {
    if (pg::now_ms() - told_ms_ < every_ms)
        return;
    told_ms_ = pg::now_ms();
    std::string text = place_of(now) + ", statement " + std::to_string(now.statement) + " of " +
                       std::to_string(now.statements) + ", begins after " +
                       seconds_since(now.began_at);
    if (now.estimated_ms > 0)
        text += " of about " + std::to_string(static_cast<long>(now.estimated_ms / 1000)) + " s";
    pg::notice(text);
}

bool heartbeat::tell_of_worker(const pg::progress &now, int worker, const pg::lock_wait *waits) {
    if (waits && pg::is_transaction(waits->tag) && waits->blockers != told_blockers_ &&
        waits->ended_ms - waits->began_ms >= patience_ms) {
        told_ms_ = pg::now_ms();
        told_blockers_ = waits->blockers;
        pg::notice(place_of(now) + " waits for the end of another transaction",
                   sessions_text(waits->blockers));
        return true;
    }
    if (pg::now_ms() - told_ms_ < every_ms)
        return false;
    told_ms_ = pg::now_ms();
    std::string text = place_of(now) + " runs for " + seconds_since(now.statement_began_at);
    for (const pg::record &row : pg::query(phase_of_worker, {std::to_string(worker)}))
        text += ": " + row[0].value_or("");
    pg::notice(text, waits ? sessions_text(waits->blockers) : "");
    return true;
}

} // namespace confiture::apply
