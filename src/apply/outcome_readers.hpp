#pragma once
/* The kinds of statements that outcome.cpp knows how to ask the catalog about; each has a pair of
 * functions in an outcome_of_….cpp. */
#include "pg/plain.hpp"

#include "apply/outcome.hpp"
#include "pg/top_level_statement.hpp"

namespace confiture::apply {

struct outcome_question {
    std::string_view statement;
    pg::top_level_statement facts;
    std::string before; // JSON; an object without members where nothing could be said
};

std::string before_create_index(const outcome_question &);
finding after_create_index(const outcome_question &);
std::string before_drop_index(const outcome_question &);
finding after_drop_index(const outcome_question &);
std::string before_reindex(const outcome_question &);
finding after_reindex(const outcome_question &);
std::string before_detach(const outcome_question &);
finding after_detach(const outcome_question &);
std::string before_shared_object(const outcome_question &);
finding after_shared_object(const outcome_question &);

/* The first column of the first row; empty for none. */
std::string one_text(const std::string &query, const std::vector<std::string> &parameters);

/* The permanent relation that a quoted name finds now, as text; "0" for none. */
std::string relation_now(const std::string &name);

/* Another session that holds the table as the concurrent commands do from their first commit to
 * their end, and VACUUM and ANALYZE, which are told apart; 0 for none. */
int busy_with(const std::string &table);

/* 'index "public.a_b"' */
std::string told(const char *kind, const std::string &name);

} // namespace confiture::apply
