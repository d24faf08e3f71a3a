#pragma once
/* What a statement of a script says about transactions. */
#include "pg/plain.hpp"

#include <string_view>

namespace confiture::pg {

enum class transaction_word {
    none,
    begin,
    begin_with_modes, // BEGIN ISOLATION LEVEL …
    commit,           // and END
    commit_and_chain,
    rollback,      // and ABORT
    two_phase,     // PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED
    modes,         // SET TRANSACTION, SET transaction_isolation
    default_modes, // SET SESSION CHARACTERISTICS, SET default_transaction_isolation
};

transaction_word transaction_word_of(std::string_view statement);

} // namespace confiture::pg
