#pragma once
/*
 * The two exceptions of confiture: `pg::error`, an ERROR of PostgreSQL carried through C++ frames
 * unchanged, and `failure`, an error of our own.  Both become an ERROR again in pg::boundary().
 */
#include "pg/plain.hpp"

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct ErrorData;

namespace confiture {

/* The SQLSTATE of an error of our own.  The names are those of docs/errors.md. */
struct sqlstate {
    char code[6];
    bool operator==(std::string_view other) const { return other == code; }
};

inline constexpr sqlstate dry_run_error{"MG001"};
inline constexpr sqlstate hook_error{"MG002"};
inline constexpr sqlstate hook_timeout{"MG003"};
inline constexpr sqlstate migration_not_found{"MG004"};
inline constexpr sqlstate migration_invalid{"MG005"};
inline constexpr sqlstate checksum_mismatch{"MG006"};
inline constexpr sqlstate out_of_order{"MG007"};
inline constexpr sqlstate migrator_locked{"MG008"};
inline constexpr sqlstate lock_not_available{"MG009"};
inline constexpr sqlstate not_transactional{"MG010"};
inline constexpr sqlstate not_reversible{"MG014"};
inline constexpr sqlstate repair_needed{"MG015"};
inline constexpr sqlstate configuration_invalid{"MG016"};
inline constexpr sqlstate not_trusted{"MG017"};
inline constexpr sqlstate limit_exceeded{"MG018"};

/* throw failure{migration_invalid, "message", "Detail with the facts.", "Hint with the next
 * step."}; */
class failure : public std::exception {
public:
    failure(sqlstate state, std::string message, std::string detail = {}, std::string hint = {})
        : state(state), message(std::move(message)), detail(std::move(detail)),
          hint(std::move(hint)) {}
    const char *what() const noexcept override { return message.c_str(); }

    sqlstate state;
    std::string message, detail, hint;

    /* What a failure that stands for an error of the server keeps of it; empty for nothing.  The
     * context is that error's whole one: its callers' part is not added a second time. */
    std::string context, schema, table, column, data_type, constraint;
};

namespace pg {

/* An ERROR raised by PostgreSQL.  Its data outlives the transaction it was raised in. */
class error : public std::exception {
public:
    struct holder; // owns the ErrorData and the memory context it stands in
    explicit error(std::shared_ptr<holder> held) : held_(std::move(held)) {}

    const char *what() const noexcept override;
    std::string sqlstate() const;
    std::string detail() const;
    std::string hint() const;
    std::string context() const;
    std::string schema() const;
    std::string table() const;
    std::string column() const;
    std::string data_type() const;
    std::string constraint() const;
    std::string internal_query() const;
    /* Where in the statement's text, in characters from 1; 0 where the server does not say. */
    int position() const noexcept;
    /* Of class 57, operator intervention: a cancel, a time limit, a shutdown.  It is no failure of
     * the statement, and told as it is. */
    bool is_intervention() const;

    const std::shared_ptr<holder> &held() const noexcept { return held_; }

private:
    std::shared_ptr<holder> held_;
};

} // namespace pg
} // namespace confiture
