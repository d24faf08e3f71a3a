#include "migration/version.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace confiture::migration {
namespace {

void expect_ascending(const std::vector<std::string> &versions) {
    for (std::size_t left = 0; left < versions.size(); ++left)
        for (std::size_t right = 0; right < versions.size(); ++right) {
            EXPECT_EQ(compare_versions(versions[left], versions[right]), left <=> right)
                << versions[left] << " and " << versions[right];
            EXPECT_EQ(version_sort_key(versions[left]) <=> version_sort_key(versions[right]),
                      left <=> right)
                << "keys of " << versions[left] << " and " << versions[right];
        }
}

TEST(version_order, takes_digits_as_numbers) { expect_ascending({"1", "2", "10", "100"}); }

TEST(version_order, compares_part_by_part) {
    expect_ascending({"1", "1.0", "1.0.1", "1.9", "1.10", "1.10.0", "2"});
}

TEST(version_order, takes_timestamps_of_any_length) {
    expect_ascending({"9", "20140924113530", "20140924113530.0001", "20240101000000",
                      "20150100000001000000", "99999999999999999999999999",
                      "100000000000000000000000000"});
}

TEST(version_order, orders_numbers_of_more_than_ninety_nine_digits) {
    expect_ascending({std::string(97, '9'), std::string(98, '9'), std::string(99, '9'),
                      std::string(100, '8'), std::string(100, '9'), std::string(999, '9'),
                      std::string(1000, '1'), std::string(20000, '1')});
}

TEST(version_order, puts_letters_after_separators_and_numbers) {
    expect_ascending(
        {"1", "1.1", "1a", "1b", "2", "R__a", "a", "a1", "a2", "a10", "b", "\xC3\xA4"});
}

TEST(version_order, ignores_leading_zeros) {
    EXPECT_EQ(compare_versions("1", "001"), std::weak_ordering::equivalent);
    EXPECT_EQ(compare_versions("1.02", "01.2"), std::weak_ordering::equivalent);
    EXPECT_EQ(compare_versions("0", "000"), std::weak_ordering::equivalent);
    EXPECT_EQ(version_sort_key("1.02"), version_sort_key("01.2"));
    EXPECT_EQ(version_sort_key("0"), version_sort_key("000"));
}

TEST(version_order, takes_all_separators_as_equal) {
    EXPECT_EQ(compare_versions("1_2", "1.2"), std::weak_ordering::equivalent);
    EXPECT_EQ(compare_versions("1-2", "1.2"), std::weak_ordering::equivalent);
    EXPECT_EQ(version_sort_key("1_2"), version_sort_key("1-2"));
}

TEST(version_order, counts_trailing_zero_parts) {
    EXPECT_EQ(compare_versions("1", "1.0"), std::weak_ordering::less);
    EXPECT_EQ(compare_versions("1.", "1.0"), std::weak_ordering::less);
}

TEST(version_order, puts_the_empty_version_first) {
    EXPECT_EQ(compare_versions("", ""), std::weak_ordering::equivalent);
    EXPECT_EQ(compare_versions("", "0"), std::weak_ordering::less);
    EXPECT_EQ(version_sort_key(""), "");
}

/* Versions made of few pieces, so that equal and nearly equal ones are frequent. */
std::vector<std::string> generated_versions(std::size_t count) {
    const std::vector<std::string> pieces{
        "0", "00", "1", "01", "9", "10", "2014", "20240101120000", ".",
        "_", "-",  "a", "B",  "/", ":",  " ",    "\xC3\xA9",       std::string(120, '7')};
    std::mt19937 random(20260101);
    std::vector<std::string> versions;
    for (std::size_t index = 0; index < count; ++index) {
        std::string version;
        for (std::size_t length = random() % 6; length > 0; --length)
            version += pieces[random() % pieces.size()];
        versions.push_back(version);
    }
    return versions;
}

TEST(version_order, is_the_byte_order_of_the_sort_keys) {
    const std::vector<std::string> versions = generated_versions(400);
    for (const std::string &left : versions)
        for (const std::string &right : versions) {
            const int by_key = version_sort_key(left).compare(version_sort_key(right));
            ASSERT_EQ(compare_versions(left, right), by_key <=> 0)
                << '"' << left << "\" and \"" << right << '"';
        }
}

TEST(version_order, is_a_strict_weak_order) {
    const std::vector<std::string> versions = generated_versions(90);
    for (const std::string &one : versions)
        for (const std::string &two : versions) {
            ASSERT_EQ(compare_versions(one, two) < 0, compare_versions(two, one) > 0);
            for (const std::string &three : versions)
                if (compare_versions(one, two) <= 0 && compare_versions(two, three) <= 0) {
                    ASSERT_TRUE(compare_versions(one, three) <= 0)
                        << one << ", " << two << ", " << three;
                }
        }
}

} // namespace
} // namespace confiture::migration
