#include "apply/backfill.hpp"

#include "apply/session_text.hpp"
#include "pg/execute.hpp"
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

} // namespace

backfill::backfill(pg::oid table, std::string table_name, batch_statement statement,
                   std::optional<std::string> name, backfill_options options)
    : table_(table), statement_(std::move(statement)), options_(options),
      search_path_(pg::setting("search_path")), key_(table, table_name),
      pace_(options.batch_size, options.max_batch_size, options.batch_time_ms) {
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
    if (!options_.restart && run_.load() && run_.finished_at) {
        pg::notice("backfill \"" + run_.name + "\" was finished at " + *run_.finished_at +
                   ", nothing is done again; restart => true begins from the first row");
        return totals_;
    }
    check();
    if (options_.restart)
        run_.forget();
    transactions.commit(); // a retry of the first batch must not bring back what was forgotten
    const pg::interrupt_counter interrupts;
    begin_board();
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
        throw told(migration::failure_of(raised),
                   "In backfill \"" + run_.name + "\" of " + run_.table + ".");
    }
    return totals_;
}

/* Before anything of it is done. */
void backfill::check() const {
    pg::settings_scope settings;
    settings.set("lock_timeout", std::to_string(pg::lock_timeout()).c_str());
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
    lock_policy policy("backfill \"" + run_.name + "\"");
    bool stopped_for_others = false;
    board_.publish(pg::activity::backfilling);
    while (const auto failed = try_batch(transactions, stopped_for_others)) {
        if (!stopped_for_others && !policy.goes_on(*failed))
            throw told(policy.give_up(*failed), place());
        transactions.commit(); // nothing but what was rolled back
        pace_.batch_failed();
        if (stopped_for_others)
            pg::pause(yield_ms);
        else
            pause_before_retry(policy);
        // What is recorded says what was done, even where a commit had an error afterwards.
        if (run_.load() && run_.finished_at) {
            current_.final = true;
            return;
        }
    }
    tell_progress();
}

void backfill::pause_before_retry(lock_policy &policy) {
    board_.now.attempt = policy.attempts() + 1;
    board_.now.set_blockers(policy.blockers());
    board_.publish(pg::activity::pausing_before_retry);
    pg::pause(policy.pause_ms());
}

/* In a subtransaction: the batch, and that it is done. */
backfill_run backfill::work() {
    backfill_run after = run_;
    pg::in_subtransaction([&] {
        pg::settings_scope settings;
        settings.set("lock_timeout", std::to_string(pg::lock_timeout()).c_str());
        current_ = {run_.last_key, std::nullopt, false};
        current_ = next_batch();
        after.rows_updated += run_statement(current_);
        pg::set_constraints_immediate(memory_); // while others are watched
        if (current_.last)
            after.last_key = current_.last;
        after.rows_passed += current_.final ? 0 : pace_.size();
        after.batches++;
        after.save(current_.final);
    });
    return after;
}

/* Nothing when it is committed. */
std::optional<failed_attempt> backfill::try_batch(pg::committing_call &transactions,
                                                  bool &stopped_for_others) {
    failed_attempt failed;
    const double began_ms = pg::now_ms();
    try {
        std::optional<backfill_run> after;
        bool others_waited = false;
        stopped_for_others = false;
        {
            const pg::session_watch watch(
                {pace_.size() > 1 ? options_.max_wait_caused_ms : 0, 0, 0, {}, pg::lock_timeout()});
            try {
                after = work();
            } catch (const pg::error &raised) {
                failed.error = migration::failure_of(raised);
                failed.waits = watch.waits();
                stopped_for_others =
                    watch.caused(raised) && watch.stopped() == pg::stop_reason::wait_caused;
                if (watch.caused(raised) && (watch.stopped() == pg::stop_reason::autovacuum ||
                                             watch.stopped() == pg::stop_reason::lock_timeout))
                    failed.error.sqlstate = "55P03"; // it gave up a lock
            }
            others_waited = !watch.waits_caused().empty();
        } // before the commit: it must not be stopped by the watch
        if (after) {
            const double worked_ms = pg::now_ms() - began_ms;
            transactions.commit();
            pace_.batch_took(worked_ms, others_waited);
            totals_.rows += after->rows_updated - run_.rows_updated;
            totals_.batches++;
            run_ = std::move(*after);
            return std::nullopt;
        }
    } catch (const pg::error &raised) { // of the commit
        failed.error = migration::failure_of(raised);
    }
    // A smaller batch is no work done in vain.
    failed.ended_ms = pg::now_ms();
    failed.began_ms = failed.waits.empty() ? failed.ended_ms : failed.waits.back().began_ms;
    return failed;
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
        board_.publish(pg::activity::waiting_for_replicas);
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
failure backfill::told(const migration::failure_record &error, const std::string &where) const {
    failure failed{sqlstate{}, error.message, error.detail, error.hint};
    error.sqlstate.copy(failed.state.code, sizeof failed.state.code - 1);
    failed.detail += (failed.detail.empty() ? "" : "\n") + where;
    failed.hint += (failed.hint.empty() ? "" : "  ") + what_stays();
    failed.context = error.context;
    failed.schema = error.schema;
    failed.table = error.table;
    failed.column = error.column_name;
    failed.data_type = error.data_type;
    failed.constraint = error.constraint;
    return failed;
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

/* What other sessions see from now on. */
void backfill::begin_board() {
    rows_expected_ = rows_of(table_);
    passed_before_ = run_.rows_passed;
    pg::progress &now = board_.now;
    now.name = run_.name;
    now.run_began_at = now.began_at = now.statement_began_at = pg::timestamp_now();
    now.rows_total = std::max<std::int64_t>(std::llround(rows_expected_) - passed_before_, 0);
    now.doing = pg::activity::backfilling;
    board_.publisher.emplace(now);
    told_at_ms_ = pg::now_ms();
}

void backfill::tell_progress() {
    board_.now.attempt = board_.now.blocker_count = 0;
    board_.now.statement_began_at = pg::timestamp_now();
    board_.now.rows_done = run_.rows_passed - passed_before_;
    const double now = pg::now_ms();
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
