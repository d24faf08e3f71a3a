#pragma once
/* SQL from C++: text in, text out. */
#include "pg/plain.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace confiture::pg {

using field = std::optional<std::string>;
using record = std::vector<field>;

/* Runs one statement with text parameters ($1, $2 … cast in the statement) as the current user and
 * returns its rows, text and bytea as their bytes, everything else as its output function prints
 * it.  Names are resolved in pg_catalog alone: qualify everything else. */
std::vector<record> query(const std::string &statement, const std::vector<field> &parameters = {});

/* The same, row by row: each is gone with the next. */
void for_each_row(const std::string &statement, const std::vector<field> &parameters,
                  const std::function<void(const record &)> &take);

/* The same with several values in array parameters: text[] built from `arrays`. */
std::vector<record> query_arrays(const std::string &statement,
                                 const std::vector<std::vector<field>> &arrays);

/* The number of rows that a statement wrote. */
std::uint64_t execute(const std::string &statement, const std::vector<field> &parameters = {});

/* The number of rows of one statement of a user's, run with this search_path; $1 is `key` as a
 * value of the type `key_type`, where there is one. */
std::uint64_t execute_with_path(const std::string &search_path, const std::string &statement,
                                const field &key, unsigned int key_type);

/* A value that its type's input function reads. */
struct typed_parameter {
    std::string content;
    unsigned int type;
};

/* As query(), with parameters of their own types. */
std::vector<record> query_typed(const std::string &statement,
                                const std::vector<typed_parameter> &parameters);

/* As execute_with_path(), with any number of parameters. */
std::uint64_t execute_typed(const std::string &search_path, const std::string &statement,
                            const std::vector<typed_parameter> &parameters);

/* Throws what the server has against the statement: more than one, names that are not there. */
void check_statement(const std::string &search_path, const std::string &statement,
                     const std::vector<unsigned int> &types);

/* The rows of one statement of a user's, run with this search_path. */
std::vector<record> query_with_path(const std::string &search_path, const std::string &statement);

} // namespace confiture::pg
