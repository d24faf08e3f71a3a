/* Versions of any content: the order is an order, and the sort keys say the same. */
#include "fuzzing.hpp"

#include "migration/version.hpp"

#include <algorithm>

using namespace confiture::migration;

/* One version a line, the first eight of them. */
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    std::vector<std::string_view> versions =
        split({reinterpret_cast<const char *>(data), size}, '\n');
    versions.resize(std::min<std::size_t>(versions.size(), 8));
    for (const std::string_view one : versions) {
        expect(compare_versions(one, one) == 0);
        for (const std::string_view other : versions) {
            const std::weak_ordering order = compare_versions(one, other);
            expect(compare_versions(other, one) == 0 <=> order);
            expect((version_sort_key(one) <=> version_sort_key(other)) == order);
        }
    }
    return 0;
}
