#include "migration/transaction_statements.hpp"

#include "migration/script_line.hpp"
#include "pg/transaction_statement.hpp"

#include <string>
#include <string_view>

namespace confiture::migration {

namespace {

using word = pg::transaction_word;

/* Of the others the parser has said what they are. */
word word_of(const pg::script &script, const pg::statement &statement) {
    using kind = pg::statement_kind;
    const bool is_set = std::string_view(pg::tag_name(statement.tag)) == "SET";
    if (statement.kind != kind::begin && statement.kind != kind::commit &&
        statement.kind != kind::rollback && !is_set)
        return word::none;
    return pg::transaction_word_of(script.text_of(statement));
}

class reader {
public:
    explicit reader(const pg::script &script) : script_(script) {}

    void read(const pg::statement &statement) {
        const std::string words(script_.text_of(statement));
        switch (word_of(script_, statement)) {
        case word::none:
            break;
        case word::begin:
            if (opened_)
                refuse(statement, "BEGIN inside of a transaction",
                       "BEGIN in line " + std::to_string(opened_->line) + " has opened it.",
                       "Remove it, or COMMIT the one before.");
            opened_ = &statement;
            break;
        case word::commit:
            opened_ = nullptr;
            break;
        case word::begin_with_modes:
        case word::modes:
        case word::default_modes:
            refuse(
                statement, "transaction modes",
                "A migration runs in the modes of the session that calls: \"" + words +
                    "\" would be lost.",
                "Remove it; the level of isolation may be set by default_transaction_isolation in "
                "the session that calls confiture.up().");
        case word::commit_and_chain:
            refuse(statement, "COMMIT AND CHAIN",
                   "It begins a transaction with the modes of the one before.",
                   "Write COMMIT, which ends a step.");
        case word::rollback:
            refuse(statement, std::string(pg::tag_name(statement.tag)) + " of a transaction",
                   "A migration cannot end its transaction by it: what comes before would be "
                   "recorded as done, and is not.",
                   "Undo parts of a script with SAVEPOINT and ROLLBACK TO.");
        case word::two_phase:
            refuse(statement, std::string(pg::tag_name(statement.tag)),
                   "A prepared transaction would outlive the migration, or end another one.",
                   "Run it outside of migrations.");
        }
    }

    void end() const {
        if (opened_)
            refuse(*opened_, "BEGIN without COMMIT", "psql would roll it back at the end.",
                   "Write COMMIT behind it, or remove the BEGIN.");
    }

private:
    [[noreturn]] void refuse(const pg::statement &at, const std::string &what, std::string detail,
                             std::string hint) const {
        refuse_line({script_.file, at.line}, what, std::move(detail), std::move(hint));
    }

    const pg::script &script_;
    const pg::statement *opened_ = nullptr;
};

} // namespace

void check_transactions(const pg::script &script) {
    reader reading(script);
    for (const pg::statement &statement : script.statements)
        reading.read(statement);
    reading.end();
}

} // namespace confiture::migration
