/* CALL confiture.up(), down() and redo(): they commit as they go. */
#include "apply/chain.hpp"
#include "apply/migrator.hpp"
#include "apply/session_limits.hpp"
#include "apply/transactions.hpp"
#include "migration/history.hpp"
#include "migration/version.hpp"
#include "pg/committing.hpp"
#include "pg/error.hpp"
#include "pg/function.hpp"
#include "pg/migrator_lock.hpp"
#include "pg/read_only.hpp"
#include "pg/self_cancel.hpp"
#include "pg/session.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"

#include <cstdio>
#include <functional>
#include <map>

namespace confiture::apply {

namespace {

class own_transactions final : public transactions {
public:
    own_transactions(const pg::arguments &arguments, const char *name) : call_(arguments, name) {
        pg::refuse_where_read_only("migrate", not_transactional);
        tell_session_limits();
    }
    bool are_ours() const override { return true; }
    void commit() override {
        try {
            call_.commit();
        } catch (const pg::error &raised) {
            if (raised.is_intervention())
                pg::drop_second_cancel();
            lock_again();
            throw;
        }
    }
    bool are_whole_steps() const override { return call_.can_roll_back(); }
    void roll_back() override {
        call_.roll_back();
        lock_again();
    }
    void keep_lock() override { lock_->keep(); }
    bool kept_lock() const override { return kept_lock_; }

    void stand_under(pg::migrator_lock &lock) { lock_ = &lock; }

private:
    void lock_again() {
        if (lock_)
            kept_lock_ = lock_->take_again() && kept_lock_;
    }

    pg::committing_call call_;
    pg::migrator_lock *lock_ = nullptr;
    bool kept_lock_ = true;
};

/* '12.3 ms' */
std::string printed(double milliseconds) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f ms", milliseconds);
    return text;
}

/* One CALL: under the migrator lock from its first look to its end. */
class procedure {
public:
    procedure(const pg::arguments &arguments, const char *name)
        : arguments_(arguments), transactions_(arguments, name), migrator_(transactions_) {
        transactions_.stand_under(lock_);
    }

    int run(const std::string &direction,
            const std::function<std::vector<migration::stored>()> &choose) {
        const std::map<std::string, journal> journals = read_journal();
        refuse_half_done(journals, direction);
        const std::vector<migration::stored> chain = choose();
        for (const migration::stored &each : chain)
            check(each, direction);
        transactions_.commit();
        migrator_.expect(chain.size());
        int done = 0;
        for (const migration::stored &next : chain) {
            // The script of an earlier one may have done it.
            if (!next.repeatable && migration::is_applied(next.version) == (direction == "forward"))
                continue;
            const auto begun = journals.find(migration::version_sort_key(next.version));
            const migration_outcome outcome =
                migrator_.run(next, direction, begun == journals.end() ? nullptr : &begun->second);
            pg::notice("migration \"" + next.version + "\" " +
                       (direction == "forward" ? "applied" : "reverted") + " in " +
                       printed(outcome.elapsed_ms) + ": " + next.name);
            done++;
        }
        return done;
    }

    /* Before anything of a chain runs.  What is refused has its row in the history. */
    void check(const migration::stored &each, const std::string &direction) {
        try {
            refuse_unreadable(each, direction);
        } catch (const failure &refused) {
            migration::failure_record error = migration::failure_of(refused);
            error.file = direction == "forward" ? each.source : each.backward_source;
            migration::record(each, {direction, pg::clock_timestamp(), 0, error, {}, {}});
            transactions_.commit();
            throw;
        }
    }

    pg::value summary(int done, const std::string &next_command) {
        const auto current = current_version();
        return arguments_.row({pg::integer(done), pg::text_or_null(current),
                               pg::real(pg::now_ms() - started_), pg::text(next_command)});
    }

private:
    /* What is half done one way is ended that way. */
    static void refuse_half_done(const std::map<std::string, journal> &journals,
                                 const std::string &direction) {
        for (const auto &[sort_key, half_done] : journals)
            if (half_done.direction != direction)
                throw failure{repair_needed,
                              "migration \"" + half_done.version + "\" is half " +
                                  (direction == "forward" ? "reverted" : "applied"),
                              "confiture.status says how far it is.",
                              "CALL confiture." +
                                  std::string(direction == "forward" ? "down" : "up") +
                                  "() resumes it."};
    }

    const pg::arguments &arguments_;
    const double started_ = pg::now_ms();
    own_transactions transactions_;
    migrator migrator_; // shows that it waits
    pg::migrator_lock lock_;
};

reach reach_of(const pg::arguments &arguments) {
    reach how_far{arguments.optional_text(0), {}};
    if (!arguments.null(1))
        how_far.steps = arguments.integer(1);
    return how_far;
}

const char *next_after_up() {
    return migration::pending().empty() ? "SELECT * FROM confiture.verify()"
                                        : "CALL confiture.up()";
}

} // namespace

CONFITURE_FUNCTION(confiture_up) {
    const reach how_far = reach_of(arguments);
    procedure call(arguments, "up");
    const int done = call.run("forward", [&] { return to_apply(how_far); });
    return call.summary(done, next_after_up());
}

CONFITURE_FUNCTION(confiture_down) {
    const reach how_far = reach_of(arguments);
    procedure call(arguments, "down");
    const int done = call.run("backward", [&] { return to_revert(how_far); });
    return call.summary(done, "CALL confiture.up()");
}

CONFITURE_FUNCTION(confiture_redo) {
    procedure call(arguments, "redo");
    std::vector<migration::stored> last;
    call.run("backward", [&] {
        last = to_revert({});
        for (const migration::stored &each : last)
            call.check(each, "forward");
        return last;
    });
    const int done = call.run("forward", [&] { return last; });
    return call.summary(done, next_after_up());
}

} // namespace confiture::apply
