#include "dry_run/hook_stats.hpp"

#include <algorithm>
#include <numeric>

namespace confiture::dry_run {

namespace {

constexpr std::size_t most_bytes = 200'000, most_bytes_of_stats = 16'000, numbers = 350;

std::size_t size_of(const hook_record &hook) {
    return numbers + hook.name.size() + std::min(hook.stats.size(), most_bytes_of_stats) +
           (hook.error ? 500 + hook.error->message.size() + hook.error->context.size() : 0);
}

/* Failed ones first, then the costliest. */
std::vector<bool> told(const std::vector<hook_record> &hooks) {
    std::vector<std::size_t> ranked(hooks.size());
    std::iota(ranked.begin(), ranked.end(), std::size_t{0});
    std::stable_sort(ranked.begin(), ranked.end(), [&](std::size_t left, std::size_t right) {
        const bool left_failed = hooks[left].error.has_value();
        const bool right_failed = hooks[right].error.has_value();
        return left_failed != right_failed ? left_failed
                                           : hooks[left].elapsed_ms > hooks[right].elapsed_ms;
    });
    std::vector<bool> chosen(hooks.size());
    std::size_t bytes = 0;
    for (const std::size_t index : ranked) {
        bytes += size_of(hooks[index]);
        if (bytes > most_bytes)
            break;
        chosen[index] = true;
    }
    return chosen;
}

/* The members that confiture.hook_result has go by its names. */
void write_hook(const hook_record &hook, json_writer &json) {
    json.begin_object();
    json.member("phase", hook.phase);
    json.member("hook_name", hook.name);
    json.member("status", hooks::name_of(hook.status));
    if (hook.rows)
        json.member("rows_affected", *hook.rows);
    json.member("execution_time_ms", hook.elapsed_ms);
    json.member("started_ms", hook.started_ms);
    json.member("waited_ms", hook.waited_ms);
    json.member("inserted", hook.written.inserted);
    json.member("updated", hook.written.updated);
    json.member("deleted", hook.written.deleted);
    json.member("line", hook.line);
    if (hook.stats.size() > most_bytes_of_stats) {
        json.member("stats_left_out_bytes", hook.stats.size());
    } else if (!hook.stats.empty()) {
        json.key("stats");
        json.document(hook.stats);
    }
    if (hook.error) {
        json.key("error");
        hook.error->write(json);
    }
    json.end_object();
}

} // namespace

void write_hooks(const std::vector<hook_record> &hooks, json_writer &json) {
    const std::vector<bool> chosen = told(hooks);
    json.key("hooks");
    json.begin_array();
    for (std::size_t i = 0; i < hooks.size(); i++)
        if (chosen[i])
            write_hook(hooks[i], json);
    json.end_array();
    json.member("hooks_left_out",
                static_cast<std::int64_t>(std::count(chosen.begin(), chosen.end(), false)));
}

} // namespace confiture::dry_run
