#include "pg/log.hpp"

#include "pg/boundary.hpp"
#include "pg/compat.hpp"
#include "pg/settings.hpp"

#include <charconv>
#include <cmath>

namespace confiture::pg {

/* As should_output_to_server() of elog.c decides. */
bool log_is_wanted() {
    const int level = log_level();
    if (level == 0)
        return false;
    const int threshold = compat::log_threshold();
    if (level == LOG_SERVER_ONLY)
        return threshold == LOG || threshold <= ERROR;
    return level >= threshold && threshold != LOG;
}

static void append_escaped(std::string &out, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    out += '"';
    for (const char character : text) {
        const auto byte = static_cast<unsigned char>(character);
        if (character == '"' || character == '\\') {
            out += '\\';
            out += character;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        } else {
            out += character;
        }
    }
    out += '"';
}

log_line::log_line(std::string_view kind) : text_("{") { member("confiture", kind); }

void log_line::name(std::string_view name) {
    if (text_.size() > 1)
        text_ += ", ";
    append_escaped(text_, name);
    text_ += ": ";
}

void log_line::member(std::string_view name, std::string_view text) {
    this->name(name);
    append_escaped(text_, text);
}

void log_line::member(std::string_view name, std::int64_t number) {
    this->name(name);
    text_ += std::to_string(number);
}

void log_line::member(std::string_view name, double number) {
    this->name(name);
    const auto thousandths = static_cast<std::int64_t>(std::llround(number * 1000));
    const std::string fraction = std::to_string(thousandths % 1000);
    text_ +=
        std::to_string(thousandths / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction;
}

void log_line::member(std::string_view name, bool truth) {
    this->name(name);
    text_ += truth ? "true" : "false";
}

/* errfinish() looks at interrupts after every message: not while the caller tells of a hook. */
void log_line::write() {
    text_ += "}";
    call([&] {
        // HOLD_INTERRUPTS() and its other half, but for the ++ of a volatile.
        InterruptHoldoffCount = InterruptHoldoffCount + 1;
        ereport(log_level(),
                (errmsg_internal("%s", text_.c_str()), errhidestmt(true), errhidecontext(true)));
        InterruptHoldoffCount = InterruptHoldoffCount - 1;
    });
}

} // namespace confiture::pg
