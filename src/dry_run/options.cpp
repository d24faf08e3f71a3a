#include "dry_run/options.hpp"

#include "pg/error.hpp"

#include <charconv>

namespace confiture::dry_run {

namespace {

[[noreturn]] void refuse(const json_member &member, const char *takes) {
    throw failure{configuration_invalid,
                  "invalid value for option \"" + member.key + "\": \"" + member.text + "\"",
                  std::string("The option takes ") + takes + "."};
}

bool truth(const json_member &member) {
    if (member.type != json_member::kind::boolean)
        refuse(member, "true or false");
    return member.text == "true";
}

int duration(const json_member &member, duration_reader read) {
    int milliseconds = 0;
    if (member.text == "off" || member.type == json_member::kind::null)
        return 0;
    if (member.type == json_member::kind::other || member.type == json_member::kind::boolean ||
        !read(member.text, milliseconds) || milliseconds < 0)
        refuse(member,
               "a duration such as \"500ms\" or \"2s\", a number of milliseconds, or \"off\"");
    return milliseconds;
}

std::int64_t count(const json_member &member) {
    std::int64_t number = 0;
    if (member.text == "off" || member.type == json_member::kind::null)
        return 0;
    const char *end = member.text.data() + member.text.size();
    const auto parsed = std::from_chars(member.text.data(), end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end || number < 0)
        refuse(member, "a whole number, or \"off\"");
    return number;
}

concurrently_policy policy(const json_member &member) {
    if (member.text == "auto")
        return concurrently_policy::automatic;
    if (member.text == "emulate")
        return concurrently_policy::emulate;
    if (member.text == "predict")
        return concurrently_policy::predict;
    refuse(member, "\"auto\", \"emulate\" or \"predict\"");
}

} // namespace

options read_options(const std::vector<json_member> &members, duration_reader read_duration) {
    options read;
    for (const json_member &member : members) {
        if (member.key == "concurrently")
            read.concurrently = policy(member);
        else if (member.key == "raise")
            read.raise = truth(member);
        else if (member.key == "strict")
            read.strict = truth(member);
        else if (member.key == "max_wait_caused")
            read.max_wait_caused_ms = duration(member, read_duration);
        else if (member.key == "lock_timeout")
            read.lock_timeout_ms = duration(member, read_duration);
        else if (member.key == "max_lock_hold")
            read.max_lock_hold_ms = duration(member, read_duration);
        else if (member.key == "max_locks")
            read.max_locks = count(member);
        else
            throw failure{configuration_invalid, "unknown option \"" + member.key + "\"",
                          "A dry run knows concurrently, raise, strict, max_wait_caused, "
                          "lock_timeout, max_lock_hold and max_locks."};
    }
    return read;
}

} // namespace confiture::dry_run
