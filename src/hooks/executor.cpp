#include "hooks/executor.hpp"

#include "hooks/acceptance.hpp"
#include "hooks/log.hpp"
#include "pg/error.hpp"
#include "pg/error_context.hpp"
#include "pg/execute.hpp"
#include "pg/hook_library.hpp"
#include "pg/memory.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/time_limit.hpp"
#include "pg/tracer.hpp"

#include <string_view>
#include <unordered_map>

namespace confiture::hooks {

using migration::failure_record;

namespace {

/* They abort the whole transaction, or the session. */
bool belongs_to_server(const std::string &sqlstate) {
    return sqlstate == "57014" || sqlstate.rfind("57P", 0) == 0 || sqlstate == "40001" ||
           sqlstate == "40P01";
}

bool is_told_as_it_is(const std::string &sqlstate) {
    return belongs_to_server(sqlstate) || sqlstate == lock_not_available.code;
}

bool writes_rows(std::string_view tag) {
    return tag == "INSERT" || tag == "UPDATE" || tag == "DELETE" || tag == "MERGE" || tag == "COPY";
}

constexpr sqlstate query_canceled{"57014"};

bool comes_what_may(phase which) { return which == phase::cleanup || which == phase::on_error; }

failure_record timed_out(int timeout_ms) {
    failure_record record;
    record.sqlstate = hook_timeout.code;
    record.message = "timed out after " + std::to_string(timeout_ms) + " ms";
    record.hint = "Raise its timeout, or confiture.hook_timeout for all.";
    return record;
}

/* HookError: the hook and its phase in the message, the original error whole. */
failure_record as_hook_error(const hook &which, phase when, const hook_outcome &outcome) {
    failure_record told = *outcome.error;
    told.hook = which.name;
    told.original = outcome.error->sqlstate;
    told.phase = name_of(when);
    if (told.line == 0)
        told.line = which.line;
    const std::string name = "hook \"" + which.name + "\" ";
    if (outcome.status == hook_status::timed_out) {
        told.message = name + "timed out in phase " + name_of(when);
        told.detail = "It " + outcome.error->message + "; what it did is undone.";
        return told;
    }
    told.sqlstate = hook_error.code;
    told.message = name + "failed in phase " + name_of(when) + ": " + outcome.error->message;
    told.detail = "SQLSTATE " + outcome.error->sqlstate +
                  (outcome.error->detail.empty() ? "." : ": " + outcome.error->detail);
    return told;
}

class phase_runner {
public:
    phase_runner(migration_run &run, phase which, hook_listener &listener)
        : run_(run), which_(which), listener_(listener), memory_("confiture hook"),
          statement_memory_("confiture hook statement") {}

    std::optional<failure_record> run_all(const hook_list &hooks) {
        std::optional<failure_record> first;
        for (const auto &listed : hooks) {
            const hook &next = *listed;
            pg::check_for_interrupts();
            std::optional<failure> untrusted = refusal_by_runners(next);
            const hook_outcome outcome = untrusted ? skip(next, *untrusted) : run_one(next);
            log_run(run_, which_, next, outcome);
            const bool goes_on = listener_.ended(next, outcome);
            // A cancel that the hook did not see is told before what became of the hook.
            pg::check_for_interrupts();
            if (outcome.error && !untrusted)
                file(next, outcome, first);
            if (!goes_on || (first && !comes_what_may(which_)))
                break;
        }
        return first;
    }

    /* Of those that were skipped, once for all: anybody may have registered thousands. */
    void warn_of_skipped() const {
        if (skipped_ == 0)
            return;
        const std::string more =
            skipped_ > 1 ? " and " + std::to_string(skipped_ - 1) + " more" : "";
        pg::warn(first_skipped_.message + more + ": skipped in phase " + name_of(which_),
                 first_skipped_.detail, first_skipped_.hint);
    }

private:
    hook_outcome skip(const hook &next, const failure &untrusted) {
        listener_.begins(next);
        if (skipped_++ == 0)
            first_skipped_ = migration::failure_of(untrusted);
        hook_outcome outcome;
        outcome.status = hook_status::skipped;
        outcome.error = migration::failure_of(untrusted);
        return outcome;
    }

    void file(const hook &next, const hook_outcome &outcome,
              std::optional<failure_record> &first) const {
        failure_record told = as_hook_error(next, which_, outcome);
        if (next.continues || first)
            pg::warn(told.message, told.detail, told.hint);
        else
            first = std::move(told);
    }

    hook_outcome run_one(const hook &next) {
        hook_outcome outcome;
        statement_ = 0;
        memory_.reset();
        const pg::memory_scope scope(memory_);
        listener_.begins(next);
        const int timeout_ms = next.timeout_ms.value_or(pg::hook_timeout());
        const double started = pg::now_ms();
        const pg::interrupt_counter during; // a hook may catch a cancel: it is raised again
        pg::subtransaction savepoint;
        try {
            const pg::time_limit limit(timeout_ms);
            try {
                perform(next, outcome);
                if (during.interrupted())
                    during.raise();
            } catch (const pg::error &raised) {
                outcome.elapsed_ms = pg::now_ms() - started;
                listener_.fails();
                if (during.interrupted() && !raised.is_intervention())
                    during.raise();
                if (belongs_to_server(raised.sqlstate()) && !limit.caused(raised))
                    throw;
                outcome.error = describe(next, raised);
                if (limit.caused(raised))
                    outcome.status = hook_status::timed_out;
            } catch (const failure &) { // an exception of a hook in C++
                if (during.interrupted())
                    during.raise();
                throw;
            }
            // Also where the hook caught the cancel, or came to its end before it was noticed.
            if (limit.passed() && !outcome.error)
                outcome.status = hook_status::timed_out;
        } catch (const failure &refused) {
            listener_.fails();
            outcome.error = migration::failure_of(refused);
        } catch (const pg::error &raised) {
            pg::add_context(raised, place_of(next, raised));
            savepoint.roll_back();
            functions_.forget(next.function);
            outcome.status = hook_status::failed;
            outcome.error = describe(next, raised);
            log_run(run_, which_, next, outcome);
            listener_.interrupted(next, outcome);
            throw;
        } catch (...) {
            savepoint.roll_back();
            functions_.forget(next.function);
            throw;
        }
        outcome.elapsed_ms = pg::now_ms() - started;
        if (outcome.status == hook_status::timed_out)
            outcome.error = timed_out(timeout_ms);
        if (!outcome.error) {
            savepoint.release();
            return outcome;
        }
        if (outcome.status == hook_status::succeeded)
            outcome.status = hook_status::failed;
        outcome.rows.reset();
        outcome.stats.clear();
        savepoint.roll_back();
        functions_.forget(next.function);
        return outcome;
    }

    /* What a hook sets, search_path and role among it, ends with it. */
    void perform(const hook &next, hook_outcome &outcome) {
        const pg::settings_scope settings;
        if (next.function.empty())
            check(next);
        if (next.unreadable)
            throw failure(*next.unreadable);
        const pg::hook_input &input = run_.enter(which_, next);
        struct leaving {
            migration_run &run;
            ~leaving() { run.leave(); }
        } leave{run_};
        if (!next.function.empty())
            take(functions_.call(accepted_function(next, input), input), outcome);
        else if (!next.library.empty())
            take(pg::call_library_hook(next.library, next.symbol, input), outcome);
        else
            perform_statements(next, outcome);
    }

    /* hook "x" in phase AFTER_DDL, line 3 */
    std::string place_of(const hook &next, const pg::error &raised) const {
        std::string place = "hook \"" + next.name + "\" in phase " + name_of(which_);
        const std::int32_t line = statement_ ? describe(next, raised).line : next.line;
        return line > 0 ? place + ", line " + std::to_string(line) : place;
    }

    failure_record describe(const hook &next, const pg::error &raised) const {
        if (statement_ == 0)
            return migration::failure_of(raised);
        failure_record record =
            migration::failure_in(*next.script, next.statements[statement_ - 1], raised);
        record.statement = static_cast<std::int32_t>(statement_);
        record.file = next.script->file;
        constexpr std::size_t longest_text = 200;
        record.context +=
            (record.context.empty() ? "" : "\n") + std::string("statement of hook \"") + next.name +
            "\"" + (record.file.empty() ? "" : ", file \"" + record.file + "\"") + ", line " +
            std::to_string(record.line) + ": " +
            migration::shorten(next.script->text_of(next.statements[statement_ - 1]), longest_text);
        return record;
    }

    /* Whoever may register a hook must not be able to stop what others run.  That a script has
     * taken another role on does not skip what its runner trusts. */
    std::optional<failure> refusal_by_runners(const hook &next) {
        for (const unsigned int runner : run_.runners()) {
            const pg::as_role role(runner);
            if (auto refused = acceptances_[runner].refusal_of_registrar(next, functions_))
                return refused;
        }
        return std::nullopt;
    }

    /* By whoever runs now and by all that run the migration: a script or a hook that took another
     * role on is left by RESET ROLE. */
    void check(const hook &next) {
        acceptances_[pg::current_role()].check(next, functions_);
        for (const unsigned int runner : run_.runners()) {
            if (runner == pg::current_role())
                continue;
            const pg::as_role role(runner);
            acceptances_[runner].check(next, functions_);
        }
    }

    /* Nothing is read of the catalog between the last look at the function and its call: another
     * session could have replaced it meanwhile. */
    const pg::hook_functions::function &accepted_function(const hook &next,
                                                          const pg::hook_input &input) {
        for (;;) {
            const std::uint64_t seen = pg::hook_functions::revision();
            check(next);
            const auto &function = functions_.find(next.function);
            functions_.prepare(function, input);
            if (seen == pg::hook_functions::revision())
                return function;
            pg::check_for_interrupts();
        }
    }

    static void take(pg::hook_output &&output, hook_outcome &outcome) {
        outcome.rows = output.rows;
        outcome.stats = std::move(output.stats);
    }

    void perform_statements(const hook &next, hook_outcome &outcome) {
        const int callers_timeout = pg::statement_timeout();
        for (const pg::statement &each : next.statements) {
            statement_++;
            // The server's own timer runs for the statement that called us.
            const int timeout = pg::statement_timeout();
            const pg::time_limit limit(timeout != callers_timeout ? timeout : 0);
            try {
                const pg::completion done =
                    pg::run_statement(next.script->text_of(each), false, statement_memory_);
                if (writes_rows(done.tag))
                    outcome.rows = outcome.rows.value_or(0) + done.rows;
            } catch (const pg::error &raised) {
                if (!limit.caused(raised))
                    throw;
                throw failure{query_canceled, "canceling statement due to statement timeout",
                              "The hook has set it to " + std::to_string(timeout) + " ms."};
            }
        }
    }

    migration_run &run_;
    const phase which_;
    hook_listener &listener_;
    pg::memory_context memory_, statement_memory_; // stay until a failed hook is rolled back
    pg::interrupt_counter interrupts_;             // each hook's time limit needs one
    pg::hook_functions functions_;
    std::unordered_map<unsigned int, acceptance> acceptances_; // by the role that accepts
    std::size_t statement_ = 0; // of the hook that runs, from 1; 0 where it is a function
    std::size_t skipped_ = 0;
    failure_record first_skipped_;
};

} // namespace

const char *name_of(hook_status status) {
    switch (status) {
    case hook_status::succeeded:
        return "succeeded";
    case hook_status::failed:
        return "failed";
    case hook_status::timed_out:
        return "timed_out";
    case hook_status::skipped:
        return "skipped";
    case hook_status::rolled_back:
        return "rolled_back";
    }
    return "";
}

std::optional<failure_record> run_hooks(migration_run &run, phase which, const hook_list &hooks,
                                        hook_listener &listener) {
    if (hooks.empty())
        return std::nullopt;
    if (run.is_inside(which))
        throw failure{hook_error,
                      std::string("phase ") + name_of(which) + " of migration \"" + run.version() +
                          "\" runs already",
                      "A hook of that phase asked for the phase again.",
                      "A hook may run other phases, and phases of other migrations."};
    phase_runner runner(run, which, listener);
    auto failed = runner.run_all(hooks);
    runner.warn_of_skipped();
    return failed;
}

void raise(const failure_record &failed) {
    sqlstate state = failed.sqlstate == hook_timeout.code ? hook_timeout : hook_error;
    if (is_told_as_it_is(failed.sqlstate))
        failed.sqlstate.copy(state.code, sizeof state.code - 1);
    failure thrown{state, failed.message, failed.detail, failed.hint};
    thrown.context = failed.context;
    thrown.schema = failed.schema;
    thrown.table = failed.table;
    thrown.column = failed.column_name;
    thrown.data_type = failed.data_type;
    thrown.constraint = failed.constraint;
    throw failure(thrown);
}

} // namespace confiture::hooks
