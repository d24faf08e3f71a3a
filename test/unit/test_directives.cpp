#include "migration/directives.hpp"

#include "pg/error.hpp"

#include <gtest/gtest.h>

namespace confiture::migration {
namespace {

directives read(std::string_view text) { return read_directives({{text, 0, 1}}, "001.up.sql"); }

failure refusal_of(std::string_view text) {
    try {
        read_directives({{"-- first", 0, 1}, {text, 9, 7}}, "001.up.sql");
    } catch (const failure &refusal) {
        return refusal;
    }
    ADD_FAILURE() << "accepted: " << text;
    return failure{migration_invalid, ""};
}

std::string message_of_refusal(std::string_view text) { return refusal_of(text).message; }

TEST(directives, are_none_by_default) {
    const directives found = read_directives({}, "001.up.sql");
    EXPECT_FALSE(found.no_transaction);
    EXPECT_FALSE(found.lock_timeout);
    EXPECT_TRUE(found.depends.empty());
    EXPECT_TRUE(found.ignores.empty());
    EXPECT_TRUE(found.hooks.empty());
}

TEST(directives, leave_other_comments_alone) {
    for (const char *text : {"-- confiture is a jam", "-- see confiture: no-transaction",
                             "--! no-transaction", "--", "-- confiture", "--- confiture: x"}) {
        EXPECT_FALSE(read(text).no_transaction) << text;
    }
}

TEST(directives, count_in_line_comments_only) {
    EXPECT_FALSE(read("/* confiture: no-transaction */").no_transaction);
    EXPECT_FALSE(read("/*\n-- confiture: no-transaction\n*/").no_transaction);
}

TEST(directives, read_no_transaction) {
    EXPECT_TRUE(read("-- confiture: no-transaction").no_transaction);
    EXPECT_TRUE(read("--confiture:no-transaction").no_transaction);
    EXPECT_TRUE(read("--\t confiture: \t no-transaction \r").no_transaction);
    EXPECT_TRUE(read("-- Confiture: no-transaction").no_transaction);
}

TEST(directives, read_lock_timeout_as_the_setting_takes_it) {
    for (const char *value :
         {"0", "2s", "1500", "1.5s", "24.8d", "500ms", "100us", "2min", "1h", "1d"})
        EXPECT_EQ(read(std::string("-- confiture: lock_timeout=") + value).lock_timeout, value);
}

TEST(directives, refuse_another_lock_timeout) {
    for (const char *value : {"", "s", "2 s", "2sec", "2S", "-1", "1.", ".5s", "1..2s", "2s;",
                              "'2s'", "25d", "2147483648", "99999999999999999999999999999s"}) {
        EXPECT_THROW(read(std::string("-- confiture: lock_timeout=") + value), failure) << value;
    }
    EXPECT_EQ(message_of_refusal("-- confiture: lock_timeout=soon"),
              "invalid value for directive \"lock_timeout\": \"soon\" in \"001.up.sql\", line 7");
}

TEST(directives, refuse_two_lock_timeouts) {
    EXPECT_EQ(
        message_of_refusal("-- confiture: lock_timeout=2s lock_timeout=3s"),
        "directive \"lock_timeout\" has two values: \"2s\" and \"3s\" in \"001.up.sql\", line 7");
    EXPECT_EQ(read("-- confiture: lock_timeout=2s lock_timeout=2s").lock_timeout, "2s");
}

TEST(directives, collect_dependencies_once_each) {
    const directives found = read_directives(
        {{"-- confiture: depends=002,003", 0, 1}, {"-- confiture: depends=003,1.4", 30, 2}},
        "004.sql");
    EXPECT_EQ(found.depends, (std::vector<std::string>{"002", "003", "1.4"}));
}

TEST(directives, refuse_dependencies_without_a_version) {
    for (const char *text :
         {"depends=", "depends=,", "depends=002,", "depends=002,,003", "depends=002, 003"})
        EXPECT_THROW(read(std::string("-- confiture: ") + text), failure) << text;
    EXPECT_EQ(message_of_refusal("-- confiture: depends=002,"),
              "directive \"depends\" lacks a version in \"001.up.sql\", line 7");
}

TEST(directives, read_an_exemption_with_its_reason_to_the_end_of_the_line) {
    const directives found = read_directives(
        {{"-- confiture: ignore=add-column-default the table is empty, lock_timeout=2s or not ", 40,
          12}},
        "001.up.sql");
    ASSERT_EQ(found.ignores.size(), 1u);
    EXPECT_EQ(found.ignores[0].rule, "add-column-default");
    EXPECT_EQ(found.ignores[0].reason, "the table is empty, lock_timeout=2s or not");
    EXPECT_EQ(found.ignores[0].line, 12);
    EXPECT_FALSE(found.lock_timeout);
}

TEST(directives, refuse_an_exemption_without_a_rule_or_a_reason) {
    EXPECT_EQ(message_of_refusal("-- confiture: ignore=some-rule  "),
              "directive \"ignore=some-rule\" lacks a reason in \"001.up.sql\", line 7");
    EXPECT_EQ(message_of_refusal("-- confiture: ignore= because"),
              "directive \"ignore\" lacks a rule in \"001.up.sql\", line 7");
}

TEST(directives, stand_together_on_one_line) {
    const directives found =
        read("-- confiture: no-transaction lock_timeout=2s depends=002 ignore=rule why not");
    EXPECT_TRUE(found.no_transaction);
    EXPECT_EQ(found.lock_timeout, "2s");
    EXPECT_EQ(found.depends, std::vector<std::string>{"002"});
    EXPECT_EQ(found.ignores.at(0).reason, "why not");
}

TEST(directives, that_are_unknown_are_refused_with_the_known_ones) {
    const failure refusal = refusal_of("-- confiture: no-transaction no_transaction");
    EXPECT_EQ(refusal.state.code, std::string("MG005"));
    EXPECT_EQ(refusal.message, "unknown directive \"no_transaction\" in \"001.up.sql\", line 7");
    for (const char *known :
         {"no-transaction", "lock_timeout=", "depends=", "ignore=", "phase=", "hook="})
        EXPECT_NE(refusal.hint.find(known), std::string::npos) << known;
}

TEST(directives, that_take_no_value_are_refused_with_one) {
    EXPECT_EQ(message_of_refusal("-- confiture: no-transaction=true"),
              "unknown directive \"no-transaction=true\" in \"001.up.sql\", line 7");
}

TEST(directives, refuse_a_line_without_any) {
    EXPECT_EQ(message_of_refusal("-- confiture:"),
              "directive is missing after \"confiture:\" in \"001.up.sql\", line 7");
}

} // namespace
} // namespace confiture::migration
