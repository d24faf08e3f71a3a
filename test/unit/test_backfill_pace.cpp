#include "apply/backfill_pace.hpp"

#include <gtest/gtest.h>

namespace confiture::apply {
namespace {

/* Batches that take this long a row, and so long whatever they have. */
void run(backfill_pace &pace, int batches, double row_ms, double fixed_ms = 0) {
    for (int i = 0; i < batches; i++)
        pace.batch_took(pace.size() * row_ms + fixed_ms, false);
}

TEST(backfill_pace, begins_as_told) {
    EXPECT_EQ(backfill_pace(1000, 100000, 200).size(), 1000);
    EXPECT_EQ(backfill_pace(1000, 10, 200).size(), 10);
}

TEST(backfill_pace, finds_the_size_that_takes_the_time) {
    backfill_pace quick(1000, 100000, 200), slow(1000, 100000, 200);
    run(quick, 5, 0.01);
    EXPECT_EQ(quick.size(), 20000);
    run(slow, 5, 1);
    EXPECT_EQ(slow.size(), 200);
}

TEST(backfill_pace, goes_step_by_step) {
    backfill_pace pace(1000, 1000000, 200);
    run(pace, 1, 0.0001);
    EXPECT_EQ(pace.size(), 4000);
    pace.batch_took(100000, false);
    EXPECT_EQ(pace.size(), 1000);
}

TEST(backfill_pace, keeps_within_its_bounds) {
    backfill_pace quick(1000, 5000, 200), slow(1000, 5000, 200), small(7, 5000, 200);
    run(quick, 10, 0);
    EXPECT_EQ(quick.size(), 5000);
    run(slow, 10, 1000);
    EXPECT_EQ(slow.size(), 100) << "each batch costs something of its own";
    run(small, 10, 1000);
    EXPECT_EQ(small.size(), 7);
}

TEST(backfill_pace, is_shorter_while_others_wait_and_recovers) {
    backfill_pace pace(1000, 1000000, 200);
    run(pace, 10, 0.1);
    EXPECT_EQ(pace.size(), 2000);
    for (int i = 0; i < 10; i++)
        pace.batch_took(pace.size() * 0.1, true);
    EXPECT_EQ(pace.size(), 100) << "ten milliseconds at the least";
    run(pace, 3, 0.1);
    EXPECT_LT(pace.size(), 250) << "not all at once";
    run(pace, 20, 0.1);
    EXPECT_EQ(pace.size(), 2000);
}

TEST(backfill_pace, goes_down_to_one_row_where_batches_fail_and_comes_back) {
    backfill_pace pace(1000, 100000, 200);
    for (int i = 0; i < 10; i++)
        pace.batch_failed();
    EXPECT_EQ(pace.size(), 1);
    pace.batch_took(1000, false);
    EXPECT_EQ(pace.size(), 1);
    pace.batch_took(90, false);
    EXPECT_EQ(pace.size(), 2);
    run(pace, 10, 0.01);
    EXPECT_EQ(pace.size(), 20000);
}

} // namespace
} // namespace confiture::apply
