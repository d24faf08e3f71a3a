#pragma once
/* Structured lines in the server log. */
#include "pg/plain.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace confiture::pg {

/* Would a line at confiture.log_level be written? */
bool log_is_wanted();

/* One JSON object on one line: {"confiture": "hook", …}. */
class log_line {
public:
    explicit log_line(std::string_view kind);
    void member(std::string_view name, std::string_view text);
    void member(std::string_view name, const char *text) { member(name, std::string_view(text)); }
    void member(std::string_view name, std::int64_t number);
    void member(std::string_view name, double number); // to three decimals
    void member(std::string_view name, bool truth);
    /* To the log alone, never to the client. */
    void write();

private:
    void name(std::string_view name);
    std::string text_;
};

} // namespace confiture::pg
