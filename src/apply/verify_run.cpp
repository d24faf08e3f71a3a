#include "apply/verify_run.hpp"

#include "pg/error.hpp"
#include "pg/execute.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "running/script_savepoints.hpp"

#include <optional>
#include <string>

namespace confiture::apply {

namespace {

class verify_run {
public:
    explicit verify_run(const pg::script &verify, pg::memory_context &memory)
        : verify_(verify), memory_(memory) {}

    void run() {
        for (const pg::statement &each : verify_.statements)
            run(each);
        if (!block_) // a pair of BEGIN and COMMIT around the whole script is gone by now
            pg::set_constraints_immediate(memory_);
    }

private:
    /* What stands between BEGIN and COMMIT or ROLLBACK. */
    struct block {
        pg::subtransaction transaction;
        running::script_savepoints savepoints;
    };

    /* As psql, which goes on past a second BEGIN and an END of nothing with a WARNING. */
    void run(const pg::statement &where) {
        using kind = pg::statement_kind;
        switch (where.kind) {
        case kind::begin:
            if (!block_)
                block_.emplace();
            break;
        case kind::commit:
            commit();
            break;
        case kind::rollback:
            roll_back();
            break;
        case kind::savepoint:
            savepoints().open(name_in(where));
            break;
        case kind::rollback_to:
            refuse_unknown(where, savepoints().roll_back_to(name_in(where)));
            break;
        case kind::release:
            refuse_unknown(where, savepoints().release(name_in(where)));
            break;
        default:
            pg::run_statement(verify_.text_of(where), false, memory_);
        }
    }

    /* What is deferred fails here if COMMIT would fail. */
    void commit() {
        if (!block_)
            return;
        block_->savepoints.release_all();
        pg::set_constraints_immediate(memory_);
        block_->transaction.release();
        block_.reset();
    }

    void roll_back() {
        if (!block_)
            return;
        block_->transaction.roll_back();
        block_.reset();
    }

    running::script_savepoints &savepoints() { return block_ ? block_->savepoints : savepoints_; }

    std::string name_in(const pg::statement &where) const {
        return pg::facts_of(verify_.text_of(where)).savepoint;
    }

    void refuse_unknown(const pg::statement &where, bool found) const {
        if (!found)
            throw failure{sqlstate{"3B001"}, "savepoint \"" + name_in(where) + "\" does not exist"};
    }

    const pg::script &verify_;
    pg::memory_context &memory_;
    running::script_savepoints savepoints_; // outside of any block
    std::optional<block> block_;
};

} // namespace

void run_verify_script(const pg::script &verify) {
    pg::memory_context memory("confiture verify script");
    pg::subtransaction trial;
    try {
        pg::save_constraint_modes(); // those of the caller, whatever a COMMIT of the script does
        pg::settings_scope settings;
        settings.set("lock_timeout", std::to_string(pg::lock_timeout()).c_str());
        verify_run(verify, memory).run();
    } catch (...) {
        trial.roll_back();
        throw;
    }
    trial.roll_back();
}

} // namespace confiture::apply
