#pragma once
/* SQL-callable functions as plain C++: arguments in, one value or rows out. */
#include "pg/plain.hpp"

#include "pg/json.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct FunctionCallInfoBaseData;

namespace confiture::pg {

/* A value on its way to the caller, allocated in the caller's memory context. */
struct value {
    std::uintptr_t datum = 0;
    bool null = true;
};

value text(std::string_view content);
value text_or_null(const std::optional<std::string> &content);
value integer(std::int32_t number);
value bigint(std::int64_t number);
value real(double number);
value boolean(bool truth);
value object_id(std::uint32_t oid);
value clock_timestamp();
/* Microseconds as the server counts them. */
value timestamp(std::int64_t microseconds);
value integer_array(const std::vector<int> &elements);
value text_array(const std::vector<std::string> &elements);

/* The arguments of one call. */
class arguments {
public:
    explicit arguments(FunctionCallInfoBaseData *call) : call_(call) {}

    int count() const;
    bool null(int index) const;
    /* Throws failure{configuration_invalid} where one of the first arguments, named here, is null.
     */
    void refuse_null(std::initializer_list<const char *> names) const;
    /* Throws failure{migration_invalid} for more than the largest script has. */
    std::string text(int index) const;
    std::optional<std::string> optional_text(int index) const;
    std::int32_t integer(int index) const;
    bool boolean(int index) const;
    std::uint32_t oid(int index) const;
    std::string enum_label(int index) const;
    /* As the server prints it. */
    std::string interval(int index) const;
    /* In milliseconds, a month of 30 days. */
    double milliseconds(int index) const;
    /* A jsonb argument as text, and as its bytes. */
    std::string jsonb_text(int index) const;
    std::string jsonb(int index) const;
    /* The members of a jsonb object; throws failure{configuration_invalid} for anything else. */
    std::vector<json_member> object(int index) const;

    /* For a function that returns one composite value. */
    value row(const std::vector<value> &columns) const;

    FunctionCallInfoBaseData *handle() const { return call_; }

private:
    FunctionCallInfoBaseData *call_;
};

/* The rows of a set-returning function. */
class row_set {
public:
    explicit row_set(const arguments &arguments);
    void add(const std::vector<value> &columns);

private:
    void *store_ = nullptr;
    void *descriptor_ = nullptr;
};

/* Calls body under boundary(). */
std::uintptr_t run_function(FunctionCallInfoBaseData *fcinfo, value (*body)(const arguments &));

} // namespace confiture::pg

struct confiture_function_record { // the layout of Pg_finfo_record
    int api_version;
};

/* Defines an SQL-callable function: CONFITURE_FUNCTION(confiture_name) { … arguments … }
 * The two C symbols are those that PG_FUNCTION_INFO_V1 would make. */
#define CONFITURE_FUNCTION(name)                                                                   \
    static confiture::pg::value name##_body(const confiture::pg::arguments &arguments);            \
    extern "C" {                                                                                   \
    __attribute__((visibility("default"))) const confiture_function_record *pg_finfo_##name();     \
    const confiture_function_record *pg_finfo_##name() {                                           \
        static const confiture_function_record record{1};                                          \
        return &record;                                                                            \
    }                                                                                              \
    __attribute__((visibility("default"))) std::uintptr_t name(FunctionCallInfoBaseData *call);    \
    std::uintptr_t name(FunctionCallInfoBaseData *call) {                                          \
        return confiture::pg::run_function(call, name##_body);                                     \
    }                                                                                              \
    }                                                                                              \
    static confiture::pg::value name##_body(                                                       \
        [[maybe_unused]] const confiture::pg::arguments &arguments)
