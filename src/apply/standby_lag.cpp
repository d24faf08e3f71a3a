#include "apply/standby_lag.hpp"

#include "pg/query.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

namespace confiture::apply {

/* The server's own replay_lag is that of the WAL which a standby has replayed: of one that has
 * stopped replaying it knows nothing new.  What was written here and is not there yet is as late as
 * it is old.  Read as the owner: others see of standbys but that they are there. */
std::optional<lagging_standby> standby_lag::farthest() {
    const pg::as_owner owner;
    const auto standbys =
        pg::query("SELECT coalesce(nullif(application_name, ''), host(client_addr), pid::text), "
                  "pg_wal_lsn_diff(replay_lsn, '0/0')::float8, "
                  "pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8, "
                  "coalesce(extract(epoch FROM replay_lag) * 1000, 0)::float8 "
                  "FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn IS NOT NULL");
    if (standbys.empty()) {
        written_.clear();
        return std::nullopt;
    }
    const double now = pg::now_ms();
    const double written = std::stod(*standbys[0][2]);
    if (written_.empty() || written > written_.back().wal)
        written_.push_back({now, written});
    std::optional<lagging_standby> farthest;
    double least_replayed = written;
    for (const pg::record &standby : standbys) {
        const double replayed = std::stod(*standby[1]);
        least_replayed = std::min(least_replayed, replayed);
        if (replayed >= written)
            continue;
        const auto missing =
            std::find_if(written_.begin(), written_.end(),
                         [&](const position &known) { return known.wal > replayed; });
        const double ms = std::max(now - missing->at_ms, std::stod(*standby[3]));
        if (!farthest || ms > farthest->ms)
            farthest = lagging_standby{*standby[0], ms};
    }
    while (!written_.empty() && written_.front().wal <= least_replayed)
        written_.pop_front();
    return farthest;
}

long standby_lag::hidden() {
    const pg::as_owner owner;
    return std::stol(
        *pg::query("SELECT count(*) FROM pg_stat_replication WHERE state IS NULL")[0][0]);
}

} // namespace confiture::apply
