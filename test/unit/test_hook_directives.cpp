#include "migration/directives.hpp"

#include "pg/error.hpp"

#include <gtest/gtest.h>

namespace confiture::migration {
namespace {

hook_directive read(const std::string &words) {
    const std::string text = "-- confiture: " + words;
    const directives found = read_directives({{text, 40, 7}}, "001.up.sql");
    EXPECT_EQ(found.hooks.size(), 1u) << words;
    return found.hooks.empty() ? hook_directive{} : found.hooks.front();
}

failure refusal_of(const std::string &words) {
    const std::string text = "-- confiture: " + words;
    try {
        read_directives({{text, 40, 7}}, "001.up.sql");
    } catch (const failure &refusal) {
        EXPECT_EQ(refusal.state.code, std::string("MG005"));
        EXPECT_FALSE(refusal.hint.empty()) << words;
        return refusal;
    }
    ADD_FAILURE() << "accepted: " << words;
    return failure{migration_invalid, ""};
}

/* Without the place, which every message ends with. */
std::string message_of_refusal(const std::string &words) {
    std::string message = refusal_of(words).message;
    const std::string place = " in \"001.up.sql\", line 7";
    EXPECT_TRUE(message.ends_with(place)) << message;
    return message.substr(0, message.size() - std::min(message.size(), place.size()));
}

TEST(hook_directives, make_a_hook_of_the_statements_below) {
    const hook_directive found = read("phase=AFTER_DDL");
    EXPECT_TRUE(found.is_section());
    EXPECT_EQ(found.phase, "AFTER_DDL");
    EXPECT_EQ(found.name, "");
    EXPECT_FALSE(found.timeout);
    EXPECT_FALSE(found.continues);
    EXPECT_EQ(found.priority, 100);
    EXPECT_EQ(found.config, "{}");
    EXPECT_EQ(found.offset, 40);
    EXPECT_EQ(found.line, 7);
}

TEST(hook_directives, take_options_in_any_order) {
    const hook_directive found =
        read("priority=-5 name=backfill on_failure=continue phase=CLEANUP timeout=1.5min");
    EXPECT_EQ(found.phase, "CLEANUP");
    EXPECT_EQ(found.name, "backfill");
    EXPECT_EQ(found.timeout, "1.5min");
    EXPECT_TRUE(found.continues);
    EXPECT_EQ(found.priority, -5);
    EXPECT_FALSE(read("phase=CLEANUP on_failure=abort").continues);
}

TEST(hook_directives, know_all_phases_in_any_case) {
    for (const char *phase : {"BEFORE_VALIDATION", "BEFORE_DDL", "AFTER_DDL", "AFTER_VALIDATION",
                              "CLEANUP", "ON_ERROR"})
        EXPECT_EQ(read(std::string("phase=") + phase).phase, phase);
    EXPECT_EQ(read("phase=after_ddl").phase, "AFTER_DDL");
    EXPECT_EQ(read("phase=On_Error").phase, "ON_ERROR");
}

TEST(hook_directives, refuse_an_unknown_phase_with_the_known_ones) {
    for (const char *phase : {"", "AFTER-DDL", "AFTERDDL", "AFTER_DDL,CLEANUP", "DURING_DDL"})
        EXPECT_EQ(message_of_refusal(std::string("phase=") + phase),
                  std::string("unknown phase \"") + phase + "\"");
    EXPECT_EQ(refusal_of("phase=never").hint,
              "The phases are BEFORE_VALIDATION, BEFORE_DDL, AFTER_DDL, AFTER_VALIDATION, CLEANUP "
              "and ON_ERROR; DDL returns to the script.");
    EXPECT_EQ(message_of_refusal("hook=notify phase=DDL"), "unknown phase \"DDL\"");
    EXPECT_TRUE(refusal_of("hook=notify phase=DDL").hint.ends_with("CLEANUP and ON_ERROR."));
}

TEST(hook_directives, return_to_the_script) {
    for (const char *words : {"phase=DDL", "phase=ddl"}) {
        const hook_directive found = read(words);
        EXPECT_TRUE(found.is_section());
        EXPECT_EQ(found.phase, "");
        EXPECT_EQ(found.line, 7);
    }
}

TEST(hook_directives, that_return_take_no_options) {
    for (const char *option :
         {"name=x", "timeout=1s", "on_failure=abort", "priority=1", "config={}"}) {
        const failure refusal = refusal_of("phase=DDL " + std::string(option));
        EXPECT_EQ(refusal.message,
                  "directive \"phase=DDL\" takes no options in \"001.up.sql\", line 7");
        const std::string key = std::string(option).substr(0, std::string(option).find('='));
        EXPECT_EQ(refusal.detail, "It has \"" + key + "\".");
    }
}

TEST(hook_directives, use_built_in_hooks) {
    for (const char *name :
         {"backfill_read_model", "capture_statistics", "validate_constraints", "verify_consistency",
          "require_columns", "rebuild_indexes", "refresh_materialized_views", "analyze_tables",
          "drop_temporary_tables", "check_queries", "notify", "guard_long_transactions"}) {
        const hook_directive found = read(std::string("hook=") + name + " phase=CLEANUP");
        EXPECT_EQ(found.built_in, name);
        EXPECT_FALSE(found.is_section());
        EXPECT_NE(refusal_of("hook=absent phase=CLEANUP").hint.find(name), std::string::npos);
    }
    for (const char *name : {"", "absent", "Notify", "notify,notify", "lint_gate"})
        EXPECT_EQ(message_of_refusal(std::string("hook=") + name + " phase=CLEANUP"),
                  std::string("unknown built-in hook \"") + name + "\"");
}

TEST(hook_directives, take_the_rest_of_the_line_for_config) {
    const hook_directive found =
        read("hook=notify phase=CLEANUP config={\"channel\": \"a  name=b\", \"x\": [1, 2]} \t");
    EXPECT_EQ(found.config, "{\"channel\": \"a  name=b\", \"x\": [1, 2]}");
    EXPECT_EQ(found.name, "");
    EXPECT_EQ(read("hook=notify phase=CLEANUP config=").config, ""); // the server refuses it
}

TEST(hook_directives, give_config_to_built_in_hooks_only) {
    EXPECT_EQ(message_of_refusal("phase=AFTER_DDL config={}"),
              "directive \"config\" stands on the line of a phase");
}

TEST(hook_directives, take_quoted_values) {
    EXPECT_EQ(read("name=\"two words\" phase=AFTER_DDL").name, "two words");
    EXPECT_EQ(read("phase=\"AFTER_DDL\" name=\"x\"").name, "x");
    EXPECT_EQ(read("phase=AFTER_DDL name=it's").name, "it's");
    EXPECT_EQ(read("phase=AFTER_DDL name=a\"b").name, "a\"b");
    EXPECT_EQ(message_of_refusal("phase=AFTER_DDL name=\"two words"),
              "value of directive \"name\" lacks its closing quote");
    EXPECT_EQ(message_of_refusal("phase=AFTER_DDL name=\""),
              "value of directive \"name\" lacks its closing quote");
    EXPECT_EQ(message_of_refusal("phase=AFTER_DDL name=\"a\"b"),
              "value of directive \"name\" goes on after its closing quote");
}

TEST(hook_directives, refuse_a_name_that_is_empty_or_too_long) {
    for (const char *name : {"name=", "name=\"\"", "name=\"  \""})
        EXPECT_EQ(message_of_refusal(std::string("phase=AFTER_DDL ") + name),
                  "name of a hook is empty");
    EXPECT_EQ(read("phase=AFTER_DDL name=" + std::string(200, 'n')).name.size(), 200u);
    const failure refusal = refusal_of("phase=AFTER_DDL name=" + std::string(201, 'n'));
    EXPECT_EQ(refusal.message, "name of a hook is too long in \"001.up.sql\", line 7");
    EXPECT_EQ(refusal.detail, "It has 201 bytes; the limit is 200.");
}

TEST(hook_directives, refuse_values_that_are_none) {
    for (const char *option :
         {"timeout=soon", "timeout=", "timeout=25d", "on_failure=ignore",
          "on_failure=", "on_failure=Continue", "priority=high", "priority=", "priority=1.5",
          "priority=1x", "priority=2147483648", "priority=+1", "priority=--1"}) {
        const std::string text = option;
        const std::size_t equals = text.find('=');
        EXPECT_EQ(message_of_refusal("phase=AFTER_DDL " + text),
                  "invalid value for directive \"" + text.substr(0, equals) + "\": \"" +
                      text.substr(equals + 1) + "\"");
    }
    EXPECT_EQ(read("phase=AFTER_DDL priority=-2147483648").priority, INT32_MIN);
    EXPECT_EQ(read("phase=AFTER_DDL timeout=0").timeout, "0");
}

TEST(hook_directives, refuse_options_without_a_phase) {
    EXPECT_EQ(message_of_refusal("timeout=1s name=x"), "directive \"name\" stands without a phase");
    EXPECT_EQ(message_of_refusal("priority=1"), "directive \"priority\" stands without a phase");
    EXPECT_EQ(message_of_refusal("config={}"), "directive \"config\" stands without a phase");
    EXPECT_EQ(message_of_refusal("hook=notify name=x"), "hook \"notify\" lacks a phase");
}

TEST(hook_directives, refuse_what_is_given_twice) {
    EXPECT_EQ(message_of_refusal("phase=AFTER_DDL phase=AFTER_DDL"),
              "directive \"phase\" is given twice");
    EXPECT_EQ(message_of_refusal("phase=CLEANUP name=a name=b"),
              "directive \"name\" is given twice");
}

TEST(hook_directives, stand_on_a_line_of_their_own) {
    for (const char *words : {"phase=AFTER_DDL no-transaction", "no-transaction phase=AFTER_DDL",
                              "phase=AFTER_DDL lock_timeout=1s", "phase=AFTER_DDL ignore=rule why"})
        EXPECT_EQ(message_of_refusal(words), "directive of a hook beside another one");
    EXPECT_EQ(message_of_refusal("phase=AFTER_DDL nonsense"), "unknown directive \"nonsense\"");
    EXPECT_EQ(message_of_refusal("phase AFTER_DDL"), "unknown directive \"phase\"");
    EXPECT_EQ(message_of_refusal("phases=AFTER_DDL"), "unknown directive \"phases=AFTER_DDL\"");
    EXPECT_EQ(message_of_refusal("Phase=AFTER_DDL"), "unknown directive \"Phase=AFTER_DDL\"");
}

TEST(hook_directives, are_no_part_of_a_reason) {
    const directives found =
        read_directives({{"-- confiture: ignore=rule phase=AFTER_DDL is why", 0, 1}}, "");
    EXPECT_TRUE(found.hooks.empty());
    EXPECT_EQ(found.ignores.at(0).reason, "phase=AFTER_DDL is why");
}

TEST(hook_directives, are_kept_in_their_order) {
    const directives found = read_directives({{"-- confiture: phase=AFTER_DDL", 0, 1},
                                              {"-- confiture: no-transaction", 40, 2},
                                              {"-- confiture: hook=notify phase=CLEANUP", 80, 3},
                                              {"-- confiture: phase=DDL", 120, 4}},
                                             "");
    ASSERT_EQ(found.hooks.size(), 3u);
    EXPECT_EQ(found.hooks[0].line, 1);
    EXPECT_EQ(found.hooks[1].offset, 80);
    EXPECT_EQ(found.hooks[2].line, 4);
    EXPECT_TRUE(found.no_transaction);
}

} // namespace
} // namespace confiture::migration
