#pragma once
/* An error of a migration, whole: what failed, where, why. */
#include "pg/plain.hpp"

#include "pg/clipping.hpp"
#include "pg/error.hpp"
#include "pg/json.hpp"
#include "pg/parse.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace confiture::migration {

struct failure_record {
    std::string sqlstate, message, detail, hint, context;
    std::string schema, table, column_name, data_type, constraint;
    std::string file;
    std::string hook, phase; // of the hook that failed, if it was one
    std::string original;    // SQLSTATE of the error that this one stands for; empty for itself
    std::string sql;         // of the statement that failed, its first 200 characters
    std::int32_t statement = 0, line = 0, column = 0;
    std::vector<std::string> violating_rows;

    const std::string &cause() const { return original.empty() ? sqlstate : original; }

    /* Writes one object; texts are cut at 4000 bytes. */
    void write(json_writer &json) const;
};

failure_record failure_of(const pg::error &raised);
/* With the place in the script: where the server points, or else where the statement begins. */
failure_record failure_in(const pg::script &script, const pg::statement &where,
                          const pg::error &raised);
failure_record failure_of(const failure &raised);

/* At most `most` bytes of a text, cut at a character. */
inline std::string shorten(std::string_view text, std::size_t most) {
    return pg::first_bytes(text, most);
}

} // namespace confiture::migration
