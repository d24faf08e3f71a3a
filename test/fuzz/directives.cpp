/* Comments of any content: read_directives() understands or refuses them. */
#include "fuzzing.hpp"

#include "migration/directives.hpp"
#include "pg/error.hpp"

#include <algorithm>

using namespace confiture::migration;

/* One comment a line. */
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    std::vector<comment> comments;
    for (const std::string_view line : split(text, '\n'))
        comments.push_back({line, static_cast<std::int32_t>(line.data() - text.data()),
                            static_cast<std::int32_t>(comments.size()) + 1});
    directives found;
    try {
        found = read_directives(comments, "fuzzed.sql");
    } catch (const confiture::failure &refusal) {
        expect(refusal.state == "MG005");
        expect(refusal.message.find("fuzzed.sql") != std::string::npos);
        return 0;
    }
    if (found.lock_timeout)
        expect(found.lock_timeout->find_first_not_of("0123456789.usminhd") == std::string::npos &&
               !found.lock_timeout->empty());
    for (const std::string &version : found.depends) {
        expect(!version.empty() && version.find_first_of(", \t") == std::string::npos);
        expect(std::count(found.depends.begin(), found.depends.end(), version) == 1);
    }
    for (const lint_exemption &each : found.ignores) {
        expect(!each.rule.empty() && !each.reason.empty());
        expect(each.line >= 1 && each.line <= static_cast<std::int32_t>(comments.size()));
    }
    for (const hook_directive &each : found.hooks) {
        expect(each.phase.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos);
        expect(!each.phase.empty() || (each.is_section() && each.name.empty() && !each.timeout));
        expect(each.name.size() <= 200 && each.name.find('\n') == std::string::npos);
        expect(!each.timeout || is_timeout(*each.timeout));
        expect(each.line >= 1 && each.line <= static_cast<std::int32_t>(comments.size()));
        expect(comments[static_cast<std::size_t>(each.line) - 1].offset == each.offset);
    }
    return 0;
}
