#pragma once
/*
 * Values that were added to enums and are not committed: the server lets nobody use them
 * (check_safe_enum_use()), since a key of one that is rolled back stays in the pages of an index,
 * where comparisons look for its label in vain.
 */
#include "pg/plain.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace confiture::pg {

class uncommitted_enums {
public:
    /* In the subtransaction that will be rolled back, before anything of it runs. */
    uncommitted_enums();

    /* Lets them be used, as their commit would, where every index that could be given such a key
     * was made since, and goes with the rollback.  Returns the labels that stay unusable. */
    std::vector<std::string> take_for_committed() const;

private:
    const std::uint32_t began_in_; // subtransaction
    const bool of_caller_;         // his transaction has made or changed enums
};

} // namespace confiture::pg
