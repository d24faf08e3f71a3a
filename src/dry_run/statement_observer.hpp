#pragma once
/* Hears what happens inside a statement and keeps the books of the run. */
#include "pg/plain.hpp"

#include "dry_run/run.hpp"
#include "pg/tracer.hpp"

#include <unordered_map>

namespace confiture::dry_run {

class statement_observer final : public pg::observer {
public:
    /* Strict: what no rollback undoes is refused before it is done. */
    statement_observer(chain_record &record, pg::session_watch &watch, bool strict);
    statement_observer(const statement_observer &) = delete;
    statement_observer &operator=(const statement_observer &) = delete;
    ~statement_observer() override;

    void begin(statement_record &statement);
    void end();

    /* Looks for changes of locks now; `whole` also finds releases and stronger modes. */
    void look(bool whole);
    /* After an ERROR the catalogs cannot be read before the rollback: names are asked for then. */
    void look_after_error();
    /* What was waited for since the call before was waited for by the statement or hook of now. */
    void note_waits();
    std::size_t shared_lock_count() const { return locks_.shared_count(); }

    void relations_locked() override { look(false); }
    void query_begins(const std::vector<std::uint32_t> &relations) override;
    void utility_begins(const char *tag, const std::vector<std::uint32_t> &relations) override;
    void nested_ended(const pg::nested_statement &ended) override;
    void leaves_transaction(pg::outside_effect effect, std::string_view statement) override;
    void function_called(std::uint32_t function, std::string_view statement) override;
    void object_touched(const pg::object_event &event) override;
    void subtransaction_aborts() override { look_after_error(); }
    void plan_executed(std::string_view plan, int depth, double elapsed_ms) override;
    double plan_threshold_ms() const override { return 100; }

    /* Describes the objects of the statement, which exist as long as it is not rolled back. */
    void describe_objects();

private:
    struct called {
        side_effect effect; // without its line
        bool found_afterwards = false;
    };
    called look_at_function(std::uint32_t function) const;
    std::size_t place_of_outer(int depth);
    void note_dropped(const pg::object_event &event);
    void note_effect(side_effect effect, std::string_view statement);
    bool made_sequences() const;

    chain_record &record_;
    pg::session_watch &watch_;
    const bool strict_;
    pg::lock_watch locks_;
    statement_record *statement_ = nullptr;
    std::unordered_map<std::string, std::size_t> nested_;
    std::vector<pg::object_event> events_;
    /* By function; those whose effect is transactional have no kind. */
    std::unordered_map<std::uint32_t, called> functions_;
};

} // namespace confiture::dry_run
