#pragma once
/* Functions with the signature of a hook: found by their text signatures, looked at, called. */
#include "pg/plain.hpp"

#include "pg/function.hpp"
#include "pg/memory.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace confiture::pg {

/* What a hook is given.  The jsonb members are images; an empty one is null. */
struct hook_input {
    std::optional<std::string> version;
    std::string name, direction;
    const char *phase = nullptr; // a label of confiture.hook_phase
    bool dry_run = false;
    std::optional<std::int64_t> rows_affected = 0; // nothing: not known
    double execution_time_ms = 0;
    std::string config, stats, error;

    bool operator==(const hook_input &) const = default;
};

struct hook_output {
    std::optional<std::int64_t> rows;
    std::string stats; // jsonb image; empty for none
};

/* A label of confiture.hook_phase as a value. */
value hook_phase(const char *label);

/* The input as a value of confiture.hook_context. */
value hook_context(const hook_input &input);

/* The signature of a regprocedure argument, qualified: no search_path changes what it names. */
std::string function_argument(const arguments &arguments, int index);

/* Finds each function once, and again after any function or role has changed. */
class hook_functions {
public:
    struct function;

    hook_functions();
    hook_functions(const hook_functions &) = delete;
    hook_functions &operator=(const hook_functions &) = delete;
    ~hook_functions();

    /* Throws failure{configuration_invalid} where there is no such function or it has not the
     * signature of a hook, pg::error (42501) where the current role may not execute it. */
    const function &find(const std::string &signature);
    /* The role that owns it. */
    static const std::string &owner(const function &found);
    /* Its definition as text. */
    static std::string definition(const function &found);

    /* Goes up with every change of functions, roles and types, here or in another session. */
    static std::uint64_t revision();
    /* Makes the argument that call() gives: that reads the catalog, where changes are heard of. */
    void prepare(const function &found, const hook_input &input) { argument_for(found, input); }

    /* Calls it; what it allocates stays in the current memory context.  Throws pg::error. */
    hook_output call(const function &found, const hook_input &input);
    /* After an ERROR inside of it, once that is rolled back: a function cannot be called by the
     * same handle again. */
    void forget(const std::string &signature) { found_.erase(signature); }

private:
    value argument_for(const function &found, const hook_input &input);

    memory_context argument_memory_;
    std::optional<hook_input> told_; // what the arguments below were made of
    value context_, json_;
    std::unordered_map<std::string, std::shared_ptr<function>> found_;
};

} // namespace confiture::pg
