#pragma once
/* What a statement or a function does outside of its transaction, so that no rollback undoes it. */
#include "pg/plain.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace confiture::pg {

enum class outside_effect : std::uint8_t {
    none,
    runs_program,      // COPY ... PROGRAM
    writes_file,       // COPY ... TO
    forgets_sequences, // DISCARD SEQUENCES
    loads_library,     // LOAD
    makes_checkpoint,  // CHECKPOINT
    runs_untrusted,    // DO in an untrusted language
};

/* By the parse tree; asks the catalog for the language of a DO. */
outside_effect outside_effect_of(std::string_view statement);

struct function_facts {
    std::string name;
    bool built_in;                  // in pg_catalog
    std::string untrusted_language; // empty for others, and for C and internal
};
std::optional<function_facts> facts_of_function(std::uint32_t function);

} // namespace confiture::pg
