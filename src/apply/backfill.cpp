#include "apply/backfill.hpp"

#include "apply/session_text.hpp"
#include "pg/memory.hpp"
#include "pg/name_lock.hpp"
#include "pg/self_cancel.hpp"
#include "pg/session.hpp"
#include "pg/session_watch.hpp"
#include "pg/settings.hpp"
#include "pg/statement_parts.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace confiture::apply {

namespace {

constexpr double notice_every_ms = 5000;
constexpr int yield_ms = 50; // whoever waited must not find the row locked again
constexpr int lag_poll_ms = 100;
constexpr int shortest_retry_ms = 100, longest_retry_ms = 2000;

/* The same statement on the same table is the same backfill. */
std::string default_name(const std::string &table, const std::string &statement) {
    return table + ":" + pg::sha256(statement).substr(0, 12);
}

std::string full_text(const batch_statement &statement) {
    return statement.text + (statement.condition.empty() ? "" : "\nWHERE " + statement.condition);
}

/* Rows that a policy hides would stay behind in silence. */
void refuse_hidden_rows(pg::oid table, const std::string &name) {
    if (pg::query("SELECT row_security_active($1::oid)", {std::to_string(table)})[0][0] == "t")
        throw failure{sqlstate{"42501"},
                      "a backfill would be affected by row-level security policy for table " + name,
                      "Rows that the policy hides from role \"" + pg::current_role_name() +
                          "\" would be left out in silence.",
                      "Run it as a role that sees all rows."};
}

double rows_of(pg::oid table) {
    const auto rows = pg::query("SELECT sum(greatest(reltuples, 0)) FROM pg_class "
                                "WHERE oid = $1::oid AND relkind = 'r' OR oid IN (SELECT relid "
                                "FROM pg_partition_tree($1::oid) WHERE isleaf)",
                                {std::to_string(table)});
    return rows[0][0] ? std::stod(*rows[0][0]) : 0;
}

/* A lock that was not to be had, a deadlock, a serialization failure. */
bool is_worth_a_retry(const pg::error &raised) {
    const std::string state = raised.sqlstate();
    return state == "55P03" || state == "40P01" || state == "40001";
}

} // namespace

backfill::backfill(pg::oid table, std::string table_name, batch_statement statement,
                   std::optional<std::string> name, backfill_options options)
    : table_(table), statement_(std::move(statement)), options_(options),
      search_path_(pg::setting("search_path")), key_(table, table_name),
      pace_(options.batch_size, options.max_batch_size, options.batch_time_ms),
      random_(static_cast<unsigned>(pg::now_ms())) {
    run_.statement = full_text(statement_);
    run_.name = name ? *name : default_name(table_name, run_.statement);
    run_.table = std::move(table_name);
    run_.key_columns = key_.columns();
    run_.role = pg::current_role_name();
}

backfill_totals backfill::run(pg::committing_call &transactions) {
    refuse_hidden_rows(table_, run_.table);
    const pg::name_lock lock(pg::find_relation("confiture.backfill_run"), run_.name);
    if (!lock.held())
        throw failure{migrator_locked, "backfill \"" + run_.name + "\" is at work already",
                      sessions_text(lock.holders()), "Try again when it is done."};
    if (options_.restart) {
        run_.restart();
        transactions.commit(); // a retry of the first batch must not bring it back
    } else if (run_.load() && run_.finished_at) {
        pg::notice("backfill \"" + run_.name + "\" was finished at " + *run_.finished_at +
                   ", nothing is done again; restart => true begins from the first row");
        return totals_;
    }
    check();
    transactions.commit();
    const pg::interrupt_counter interrupts;
    rows_expected_ = rows_of(table_);
    tell_beginning();
    try {
        pg::memory_context memory("confiture backfill batch");
        do {
            memory.reset();
            const pg::memory_scope scope(memory);
            wait_for_standbys(transactions);
            run_batch(transactions);
            if (!current_.final && options_.pause_ms > 0)
                pg::pause(options_.pause_ms);
        } while (!current_.final);
    } catch (const pg::error &raised) { // between two batches
        throw failure_of(raised, "In backfill \"" + run_.name + "\" of " + run_.table + ".");
    }
    return totals_;
}

/* Before anything of it is done. */
void backfill::check() const {
    pg::settings_scope settings;
    settings.set("lock_timeout", std::to_string(options_.lock_timeout_ms).c_str());
    std::vector<pg::oid> types;
    if (statement_.whole)
        for (int bound = 0; bound < 2; bound++)
            types.insert(types.end(), key_.types().begin(), key_.types().end());
    pg::check_statement(search_path_, statement_.whole ? statement_.text : update_of({}), types);
}

/* Rows are counted whether they are to be changed or not: what a batch reads is bounded too. */
backfill::batch backfill::next_batch() const {
    batch next{run_.last_key, key_.find(run_.last_key, pace_.size() - 1), false};
    next.final = !next.last;
    if (statement_.whole) {
        next.first = key_.find(run_.last_key, 0);
        if (next.first && !next.last)
            next.last = key_.last();
    }
    return next;
}

std::string backfill::update_of(const batch &rows) const {
    std::vector<std::string> conditions;
    if (rows.first)
        conditions.push_back(key_.above(1));
    if (rows.last)
        conditions.push_back(key_.up_to(rows.first ? 1 + static_cast<int>(rows.first->size()) : 1));
    if (!statement_.condition.empty())
        conditions.push_back("(\n" + statement_.condition + "\n)");
    std::string text = statement_.text;
    for (std::size_t i = 0; i < conditions.size(); i++)
        text += (i == 0 ? "\nWHERE " : "\nAND ") + conditions[i];
    return text;
}

std::int64_t backfill::run_statement(const batch &rows) const {
    std::vector<pg::typed_parameter> parameters;
    for (const auto *bound : {&rows.first, &rows.last})
        if (*bound)
            for (const pg::typed_parameter &column : key_.parameters(**bound))
                parameters.push_back(column);
    if (statement_.whole) {
        if (!rows.first)
            return 0;
        return static_cast<std::int64_t>(
            pg::execute_typed(search_path_, statement_.text, parameters));
    }
    // A plan that reads the whole table would do so in every batch.
    pg::settings_scope settings;
    settings.set("enable_seqscan", "off");
    settings.set("jit", "off");
    return static_cast<std::int64_t>(pg::execute_typed(search_path_, update_of(rows), parameters));
}

void backfill::run_batch(pg::committing_call &transactions) {
    failed_attempts_ = 0;
    while (!try_batch(transactions)) {
        // What is recorded says what was done, even where a commit had an error afterwards.
        if (run_.load() && run_.finished_at) {
            current_.final = true;
            return;
        }
    }
    tell_progress();
}

/* True when it is committed. */
bool backfill::try_batch(pg::committing_call &transactions) {
    const double began_ms = pg::now_ms();
    bool stopped_for_others = false, retry = false;
    try {
        std::int64_t rows = 0;
        bool others_waited = false;
        backfill_run after = run_;
        {
            const pg::session_watch watch(
                {pace_.size() > 1 ? options_.max_wait_caused_ms : 0, 0, 0, 0});
            try {
                pg::in_subtransaction([&] {
                    pg::settings_scope settings;
                    settings.set("lock_timeout", std::to_string(options_.lock_timeout_ms).c_str());
                    current_ = {run_.last_key, std::nullopt, false};
                    current_ = next_batch();
                    rows = run_statement(current_);
                    if (current_.last)
                        after.last_key = current_.last;
                    after.rows_updated += rows;
                    after.rows_passed += current_.final ? 0 : pace_.size();
                    after.batches++;
                    after.save(current_.final);
                });
                others_waited = !watch.waits_caused().empty();
            } catch (const pg::error &raised) {
                stopped_for_others =
                    watch.caused(raised) && watch.stopped() == pg::stop_reason::wait_caused;
                const bool waited_too_long =
                    raised.sqlstate() == "55P03" ||
                    (watch.caused(raised) && watch.stopped() == pg::stop_reason::autovacuum);
                retry = stopped_for_others || waited_too_long || is_worth_a_retry(raised);
                if (!retry)
                    throw failure_of(raised, place());
                if (!stopped_for_others && ++failed_attempts_ > options_.lock_retries)
                    throw waited_too_long ? lock_failure(watch.waits())
                                          : failure_of(raised, place());
            }
        }
        if (!retry) {
            const double worked_ms = pg::now_ms() - began_ms;
            transactions.commit();
            run_ = std::move(after);
            pace_.batch_took(worked_ms, others_waited);
            totals_.rows += rows;
            totals_.batches++;
            return true;
        }
    } catch (const pg::error &raised) { // of the commit: a deferred constraint, or a retry
        if (!is_worth_a_retry(raised) || ++failed_attempts_ > options_.lock_retries)
            throw failure_of(raised, place());
    }
    pace_.batch_failed();
    transactions.commit(); // nothing but what was rolled back
    if (stopped_for_others)
        pg::pause(yield_ms);
    else
        wait_before_retry();
    return false;
}

/* Longer each time, and never two sessions in step. */
void backfill::wait_before_retry() {
    const double longest =
        std::min<double>(longest_retry_ms, shortest_retry_ms * std::pow(2, failed_attempts_ - 1));
    pg::pause(static_cast<int>(std::uniform_real_distribution(longest / 2, longest)(random_)));
}

void backfill::wait_for_standbys(pg::committing_call &transactions) {
    if (!options_.max_lag_ms || pg::now_ms() - kept_up_at_ms_ < lag_poll_ms)
        return;
    double told_at_ms = 0;
    for (;;) {
        const std::optional<lagging_standby> standby = lag_.farthest();
        if (!standby || standby->ms <= *options_.max_lag_ms) {
            kept_up_at_ms_ = pg::now_ms();
            return;
        }
        if (pg::now_ms() - told_at_ms >= notice_every_ms) {
            told_at_ms = pg::now_ms();
            pg::notice("backfill \"" + run_.name + "\" waits for standby \"" + standby->name +
                       "\", which is " + std::to_string(std::lround(standby->ms)) + " ms behind");
        }
        transactions.commit();
        pg::pause(lag_poll_ms);
    }
}

std::string backfill::place() const {
    return "In backfill \"" + run_.name + "\" of " + run_.table + ", rows " +
           (current_.first ? (statement_.whole ? "from key " : "above key ") +
                                 backfill_key::shown(*current_.first)
                           : std::string("from the lowest key")) +
           (current_.last ? " up to key " + backfill_key::shown(*current_.last)
                          : std::string(" on")) +
           ".";
}

std::string backfill::what_stays() const {
    if (run_.batches == 0)
        return "Nothing was committed.";
    return std::string("The batches before are committed; the same CALL") +
           (options_.restart ? " without restart" : "") + " goes on after them.";
}

/* Keeps what a client may look at. */
failure backfill::failure_of(const pg::error &raised, const std::string &where) const {
    failure told{{}, raised.what(), raised.detail(), raised.hint()};
    raised.sqlstate().copy(told.state.code, sizeof told.state.code - 1);
    told.detail += (told.detail.empty() ? "" : "\n") + where;
    if (told.hint.empty())
        told.hint = what_stays();
    told.context = raised.context();
    told.schema = raised.schema();
    told.table = raised.table();
    told.column = raised.column();
    told.data_type = raised.data_type();
    told.constraint = raised.constraint();
    return told;
}

failure backfill::lock_failure(const std::vector<pg::lock_wait> &waits) const {
    const std::string blockers = waits.empty() ? "" : sessions_text(waits.back().blockers);
    return failure{lock_not_available,
                   "backfill \"" + run_.name + "\" could not lock its rows in " +
                       std::to_string(failed_attempts_) + " attempts of " +
                       std::to_string(options_.lock_timeout_ms) + " ms",
                   blockers + (blockers.empty() ? "" : "\n") + place(), what_stays()};
}

void backfill::tell_beginning() const {
    if (run_.last_key)
        pg::notice("backfill \"" + run_.name + "\" goes on above key " +
                   backfill_key::shown(*run_.last_key) + ", " + std::to_string(run_.rows_updated) +
                   " rows were done before");
    if (const long hidden = options_.max_lag_ms ? standby_lag::hidden() : 0; hidden > 0)
        pg::warn("the lag of " + std::to_string(hidden) + " standbys cannot be seen",
                 "The backfill does not wait for them.",
                 "Grant pg_monitor to the owner of the extension, or max_lag => NULL.");
}

/* The one place where others are told how far it is. */
void backfill::tell_progress() {
    const double now = pg::now_ms();
    if (told_at_ms_ == 0)
        told_at_ms_ = now;
    if (now - told_at_ms_ < notice_every_ms || current_.final)
        return;
    told_at_ms_ = now;
    std::string message = "backfill \"" + run_.name + "\": " + std::to_string(run_.rows_updated) +
                          " rows in " + std::to_string(run_.batches) + " batches";
    if (rows_expected_ > 0)
        message +=
            ", about " +
            std::to_string(std::min(
                99L, std::lround(100 * static_cast<double>(run_.rows_passed) / rows_expected_))) +
            " %";
    pg::notice(message);
}

} // namespace confiture::apply
