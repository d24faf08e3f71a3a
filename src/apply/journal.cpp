#include "apply/journal.hpp"

#include "migration/version.hpp"
#include "pg/catalog.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

namespace confiture::apply {

std::map<std::string, journal> read_journal() {
    const pg::as_owner owner;
    std::map<std::string, journal> journals;
    for (const pg::record &row :
         pg::query("SELECT sort_key, version, direction, step, steps, ended_at IS NOT NULL, "
                   "content, statement, before, statements_done, line, command, database <> $1, "
                   "session "
                   "FROM confiture.journal ORDER BY sort_key, step",
                   {pg::database_identity()})) {
        journal &found = journals[*row[0]];
        found.version = *row[1];
        found.direction = *row[2];
        journal_entry entry;
        entry.step = std::stoi(*row[3]);
        entry.steps = std::stoi(*row[4]);
        entry.done = row[5] == "t";
        entry.content = *row[6];
        entry.statement = row[7].value_or("");
        entry.before = row[8].value_or("");
        entry.statements_done = std::stoi(*row[9]);
        entry.line = std::stoi(*row[10]);
        entry.command = *row[11];
        entry.is_restored = row[12] == "t";
        entry.session = row[13].value_or("");
        found.entries.push_back(std::move(entry));
    }
    return journals;
}

void write_entry(const migration::registered &migration, const std::string &direction,
                 const journal_entry &entry) {
    const std::string role = pg::current_role_name();
    const pg::as_owner owner;
    const bool at_top_level = !entry.statement.empty();
    pg::execute("INSERT INTO confiture.journal (sort_key, version, name, direction, step, steps, "
                "content, statement, before, statements_done, line, command, executed_by, "
                "database, session, ended_at) "
                "VALUES ($1, $2, $3, $4, $5::integer, $6::integer, $7, $8, $9, $10::integer, "
                "$11::integer, $12, $13, $14, $15::jsonb, "
                "CASE WHEN $16::boolean THEN clock_timestamp() END)",
                {migration::version_sort_key(migration.version), migration.version, migration.name,
                 direction, std::to_string(entry.step), std::to_string(entry.steps), entry.content,
                 at_top_level ? pg::field{entry.statement} : pg::field{},
                 at_top_level ? pg::field{entry.before} : pg::field{},
                 std::to_string(entry.statements_done), std::to_string(entry.line), entry.command,
                 role, pg::database_identity(), entry.session, entry.done ? "true" : "false"});
}

std::string receipt_of(const migration::registered &migration, const journal_entry &entry) {
    return std::to_string(entry.step) + ' ' + migration::version_sort_key(migration.version);
}

void take_receipt(const std::string &receipt) {
    const std::size_t blank = receipt.find(' ');
    settle_entry(receipt.substr(blank + 1), std::stoi(receipt.substr(0, blank)), true);
}

void settle_entry(const std::string &sort_key, std::int32_t step, bool done) {
    const pg::as_owner owner;
    pg::execute(done ? "UPDATE confiture.journal SET ended_at = clock_timestamp() "
                       "WHERE sort_key = $1 AND step = $2::integer"
                     : "DELETE FROM confiture.journal WHERE sort_key = $1 AND step = $2::integer",
                {sort_key, std::to_string(step)});
}

void close_journal(const std::string &sort_key) {
    const pg::as_owner owner;
    pg::execute("DELETE FROM confiture.journal WHERE sort_key = $1", {sort_key});
}

} // namespace confiture::apply
