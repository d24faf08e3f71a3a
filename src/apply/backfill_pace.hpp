#pragma once
/* How many rows the next batch of a backfill takes. */

namespace confiture::apply {

class backfill_pace {
public:
    /* Aims at batches of this many milliseconds. */
    backfill_pace(int first, int largest, double wanted_ms);

    int size() const { return size_; }

    /* The last batch worked this long, without its commit.  Where others waited for it, the next
     * ones are made shorter; they grow again while nobody waits. */
    void batch_took(double ms, bool others_waited);

    /* It was given up: somebody waited too long, or a lock could not be acquired.  A smaller one
     * holds less while it waits. */
    void batch_failed();

private:
    const int least_, largest_;
    const double wanted_ms_;
    double allowed_ms_;
    int size_;
};

} // namespace confiture::apply
