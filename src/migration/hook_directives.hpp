#pragma once
/* Directives of hooks: `-- confiture: phase=…` makes a hook of the statements below it,
 * `-- confiture: hook=… phase=…` uses a built-in one. */
#include "pg/plain.hpp"

#include "migration/script_line.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace confiture::migration {

struct hook_directive {
    std::string phase;                  // 'AFTER_DDL'; empty for phase=DDL, which ends a hook
    std::string built_in;               // empty where the statements below are the hook
    std::string name;                   // empty where none is given
    std::string config = "{}";          // as written: whether it is JSON is for the server to say
    std::optional<std::string> timeout; // as is_timeout() accepts it
    bool continues = false;             // on_failure=continue
    std::int32_t priority = 100;
    std::int32_t offset = 0; // of its comment
    std::int32_t line = 0;

    /* Does it begin or end a section of statements? */
    bool is_section() const { return built_in.empty(); }
};

/* Reads the words of one line.  Values may be quoted: name="two words". */
class hook_words {
public:
    explicit hook_words(const script_line &at) : at(at) {}

    /* Takes a word of a hook from the front of `text`; false where it begins with another one.
     * Throws failure{migration_invalid}, as finish() does. */
    bool take(std::string_view &text);

    bool empty() const;

    /* What the line says, but for its offset. */
    hook_directive finish() const;

private:
    enum key : std::size_t { phase, hook, name, timeout, on_failure, priority, config, count };
    static const std::array<std::string_view, count> keys;

    std::string_view take_value(std::string_view &text, std::string_view key) const;
    void check_presence() const;
    hook_directive read_return() const;
    void read_phase(hook_directive &found) const;
    void read_built_in(hook_directive &found) const;
    void read_name(hook_directive &found) const;
    void read_options(hook_directive &found) const;
    [[noreturn]] void refuse_value(key which, const char *hint) const;

    script_line at;
    std::array<std::optional<std::string_view>, count> given;
};

} // namespace confiture::migration
