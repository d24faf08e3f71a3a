#pragma once
/* What hooks did in a transaction, for confiture.hook_run. */
#include "pg/plain.hpp"

#include "hooks/executor.hpp"
#include "pg/function.hpp"

#include <string>
#include <vector>

namespace confiture::hooks {

/* Its error as a jsonb value, or null. */
pg::value error_value(const hook_outcome &outcome);

class hook_runs {
public:
    void add(phase which, const hook &ran, const hook_outcome &outcome);
    /* Writes them in the order in which they ran, those that were rolled back as such; for once no
     * code of a user runs any more. */
    void write(const migration_run &run) const;
    /* Their transaction is rolled back: another one is to tell of them. */
    void roll_back();
    /* They are written down. */
    void forget() { runs_.clear(); }

private:
    struct hook_run {
        phase when;
        std::string name;
        hook_outcome outcome;
    };
    std::vector<hook_run> runs_;
};

} // namespace confiture::hooks
