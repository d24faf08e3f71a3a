#pragma once
/* Runs one statement of a script as the server runs an extension's script: its own executor, true
 * command tags, error positions in the statement. */
#include "pg/plain.hpp"

#include "pg/memory.hpp"

#include <cstdint>
#include <string_view>

namespace confiture::pg {

struct completion {
    const char *tag;
    std::int64_t rows;
};

/* `plain_form`: without CONCURRENTLY.  `memory` is emptied first; what a failed statement left
 * there must stay until its subtransaction is rolled back.  Throws pg::error; its position() counts
 * in `statement`. */
completion run_statement(std::string_view statement, bool plain_form, memory_context &memory);

/* Runs what is deferred up to now, with the settings and the rights that the session has: code of
 * users is among it.  `memory` and errors as of run_statement(). */
void set_constraints_immediate(memory_context &memory);

} // namespace confiture::pg
