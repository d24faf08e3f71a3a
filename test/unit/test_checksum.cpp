#include "migration/checksum.hpp"

#include <gtest/gtest.h>

namespace confiture::migration {
namespace {

TEST(normalise, makes_line_ends_equal) {
    EXPECT_EQ(normalise("a\r\nb\r\n"), "a\nb");
    EXPECT_EQ(normalise("a\rb\r"), "a\nb");
    EXPECT_EQ(normalise("a\nb\n"), "a\nb");
    EXPECT_EQ(normalise("a\r\r\nb"), "a\n\nb");
}

TEST(normalise, drops_blanks_and_tabs_at_the_end_of_lines) {
    EXPECT_EQ(normalise("a \t\nb\t \r\nc  "), "a\nb\nc");
}

TEST(normalise, drops_empty_lines_at_the_end_only) {
    EXPECT_EQ(normalise("\n\na\n\n\nb\n\n \n\t"), "\n\na\n\n\nb");
}

TEST(normalise, keeps_space_within_and_before_lines) {
    EXPECT_EQ(normalise("  a  b\n\tc"), "  a  b\n\tc");
}

TEST(normalise, empties_lines_of_white_space) { EXPECT_EQ(normalise("a\n   \nb"), "a\n\nb"); }

TEST(normalise, drops_one_byte_order_mark) {
    EXPECT_EQ(normalise("\xEF\xBB\xBF"
                        "a"),
              "a");
    EXPECT_EQ(normalise("\xEF\xBB\xBF\xEF\xBB\xBF"
                        "a"),
              "\xEF\xBB\xBF"
              "a");
    EXPECT_EQ(normalise("a\xEF\xBB\xBF"), "a\xEF\xBB\xBF");
}

TEST(normalise, keeps_comments_case_and_other_bytes) {
    const char *script = "-- Why\nSELECT 'A\xC3\xA4 \v';\f;";
    EXPECT_EQ(normalise(script), script);
}

TEST(normalise, leaves_nothing_of_a_blank_script) {
    EXPECT_EQ(normalise(""), "");
    EXPECT_EQ(normalise(" \r\n\t\n"), "");
}

TEST(normalise, changes_nothing_the_second_time) {
    for (const char *script : {"a \r\n\r\n b\t", "\r\r \n x", " \n", "a\r \rb"})
        EXPECT_EQ(normalise(normalise(script)), normalise(script)) << script;
}

} // namespace
} // namespace confiture::migration
