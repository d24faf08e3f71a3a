#pragma once
/* Functions of the server and of contrib whose effect is not transactional, by name. */
#include "pg/plain.hpp"

#include "dry_run/record.hpp"
#include "pg/outside_effects.hpp"

#include <string>
#include <string_view>

namespace confiture::dry_run {

struct telling_name {
    const char *name = nullptr;
    const char *kind = nullptr; // of the side effect
    const char *message = nullptr;
    bool found_afterwards = false; // what it did is seen once all is rolled back
    bool built_in = true;          // else of contrib, in whatever schema
};

/* Null for all others. */
const telling_name *find_telling(std::string_view function);

/* The same of what a function really is. */
const telling_name *find_telling(const pg::function_facts &function);

/* Does one of the names stand anywhere in a text of lower case letters? */
bool has_telling_name(std::string_view lower_case);

side_effect effect_of(pg::outside_effect effect, std::int32_t line);
side_effect effect_of_language(const std::string &language, std::int32_t line);

} // namespace confiture::dry_run
