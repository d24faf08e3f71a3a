#include "migration/hook_sections.hpp"

#include "migration/directives.hpp"
#include "pg/error.hpp"

#include <gtest/gtest.h>

namespace confiture::pg {

/* In the border's place: the tag of these tests is the number of the kind. */
const char *tag_name(std::int32_t tag) {
    static const char *const names[] = {"SELECT",   "BEGIN",        "COMMIT",
                                        "ROLLBACK", "SAVEPOINT",    "ROLLBACK TO",
                                        "RELEASE",  "CREATE INDEX", "VACUUM"};
    return names[tag];
}

} // namespace confiture::pg

namespace confiture::migration {
namespace {

using kind = pg::statement_kind;

/* What the parser would make of simple scripts: a statement ends at a semicolon, and is what its
 * first word says. */
kind kind_of(std::string_view text) {
    if (text.starts_with("BEGIN"))
        return kind::begin;
    if (text.starts_with("COMMIT"))
        return kind::commit;
    if (text.starts_with("ROLLBACK TO"))
        return kind::rollback_to;
    if (text.starts_with("ROLLBACK"))
        return kind::rollback;
    if (text.starts_with("SAVEPOINT"))
        return kind::savepoint;
    if (text.starts_with("RELEASE"))
        return kind::release;
    if (text.starts_with("CREATE INDEX CONCURRENTLY"))
        return kind::concurrently;
    return text.starts_with("VACUUM") ? kind::top_level_only : kind::plain;
}

struct parsed {
    pg::script script;
    std::vector<shipped_hook> hooks;

    std::string texts_of(const std::vector<pg::statement> &statements) const {
        std::string texts;
        for (const pg::statement &each : statements)
            texts += (texts.empty() ? "" : "; ") + std::string(script.text_of(each));
        return texts;
    }
    std::string own() const { return texts_of(script.statements); }
    std::string of_hook(std::size_t number) const {
        return hooks.size() > number ? texts_of(hooks[number].statements) : "(no such hook)";
    }
};

parsed parse(const std::string &text, const std::string &version = "001") {
    parsed result;
    result.script.file = "001.up.sql";
    result.script.text = text;
    std::vector<comment> comments;
    std::int32_t line = 1;
    bool open = false;
    for (std::size_t at = 0; at < text.size(); at++) {
        if (text[at] == '\n') {
            line++;
        } else if (text.compare(at, 2, "--") == 0) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            comments.push_back(
                {std::string_view(text).substr(at, end - at), static_cast<std::int32_t>(at), line});
            at = end - 1;
        } else if (text[at] == ';') {
            open = false;
        } else if (!std::isspace(static_cast<unsigned char>(text[at]))) {
            if (!open) {
                const kind found = kind_of(std::string_view(text).substr(at));
                result.script.statements.push_back({static_cast<std::int32_t>(at), 0, line, 1,
                                                    static_cast<std::int32_t>(found), found});
            }
            open = true;
            pg::statement &last = result.script.statements.back();
            last.length = static_cast<std::int32_t>(at) + 1 - last.offset;
        }
    }
    result.hooks =
        take_hooks(result.script, read_directives(comments, "001.up.sql").hooks, version);
    return result;
}

failure refusal_of(const std::string &text) {
    try {
        parse(text);
    } catch (const failure &refusal) {
        EXPECT_EQ(refusal.state.code, std::string("MG005"));
        EXPECT_FALSE(refusal.detail.empty()) << text;
        EXPECT_FALSE(refusal.hint.empty()) << text;
        return refusal;
    }
    ADD_FAILURE() << "accepted: " << text;
    return failure{migration_invalid, ""};
}

std::string message_of_refusal(const std::string &text) { return refusal_of(text).message; }

TEST(hook_sections, leave_a_script_without_hooks_alone) {
    const parsed found = parse("SELECT 1;\n-- confiture: lock_timeout=1s\nSELECT 2");
    EXPECT_EQ(found.own(), "SELECT 1; SELECT 2");
    EXPECT_TRUE(found.hooks.empty());
}

TEST(hook_sections, go_on_to_the_next_line_with_a_phase) {
    const parsed found = parse("SELECT 1;\n"
                               "-- confiture: phase=AFTER_DDL name=a\n"
                               "SELECT 2; SELECT 3;\n"
                               "-- confiture: phase=CLEANUP timeout=3s priority=7\n"
                               "SELECT 4;\n"
                               "-- confiture: phase=DDL\n"
                               "SELECT 5;\n"
                               "-- confiture: phase=on_error on_failure=continue\n"
                               "SELECT 6");
    EXPECT_EQ(found.own(), "SELECT 1; SELECT 5");
    ASSERT_EQ(found.hooks.size(), 3u);
    EXPECT_EQ(found.of_hook(0), "SELECT 2; SELECT 3");
    EXPECT_EQ(found.hooks[0].name, "a");
    EXPECT_EQ(found.hooks[0].phase, "AFTER_DDL");
    EXPECT_EQ(found.hooks[0].line, 2);
    EXPECT_EQ(found.hooks[0].statements[1].line, 3);
    EXPECT_EQ(found.of_hook(1), "SELECT 4");
    EXPECT_EQ(found.hooks[1].timeout, "3s");
    EXPECT_EQ(found.hooks[1].priority, 7);
    EXPECT_EQ(found.of_hook(2), "SELECT 6");
    EXPECT_TRUE(found.hooks[2].continues);
}

TEST(hook_sections, are_not_ended_by_a_built_in_hook) {
    const parsed found = parse("-- confiture: phase=AFTER_DDL\n"
                               "SELECT 1;\n"
                               "-- confiture: hook=notify phase=CLEANUP config={\"a\": 1}\n"
                               "SELECT 2;\n"
                               "-- confiture: phase=DDL\n"
                               "-- confiture: hook=analyze_tables phase=AFTER_DDL\n"
                               "SELECT 3");
    EXPECT_EQ(found.own(), "SELECT 3");
    ASSERT_EQ(found.hooks.size(), 3u);
    EXPECT_EQ(found.of_hook(0), "SELECT 1; SELECT 2");
    EXPECT_EQ(found.hooks[1].built_in, "notify");
    EXPECT_EQ(found.hooks[1].config, "{\"a\": 1}");
    EXPECT_TRUE(found.hooks[1].statements.empty());
    EXPECT_EQ(found.hooks[2].built_in, "analyze_tables");
}

TEST(hook_sections, may_be_all_that_a_script_has) {
    const parsed found = parse("-- confiture: phase=AFTER_DDL\nSELECT 1");
    EXPECT_EQ(found.own(), "");
    EXPECT_EQ(found.of_hook(0), "SELECT 1");
    EXPECT_EQ(parse("-- confiture: hook=notify phase=CLEANUP").hooks.size(), 1u);
}

TEST(hook_sections, may_end_twice) {
    const parsed found =
        parse("-- confiture: phase=DDL\nSELECT 1;\n-- confiture: phase=DDL\nSELECT 2");
    EXPECT_EQ(found.own(), "SELECT 1; SELECT 2");
    EXPECT_TRUE(found.hooks.empty());
}

TEST(hook_sections, without_a_name_are_called_by_version_and_line) {
    const std::string script = "\n\n-- confiture: phase=AFTER_DDL\nSELECT 1;\n"
                               "-- confiture: hook=notify phase=CLEANUP";
    EXPECT_EQ(parse(script).hooks.at(0).name, "001:line-0003");
    EXPECT_EQ(parse(script).hooks.at(1).name, "001:line-0005");
    EXPECT_EQ(parse(script, "").hooks.at(0).name, "line-0003");
    const std::string far = std::string(12344, '\n') + "-- confiture: hook=notify phase=CLEANUP";
    EXPECT_EQ(parse(far).hooks.at(0).name, "001:line-12345");
}

TEST(hook_sections, have_names_of_their_own) {
    const std::string first = "-- confiture: phase=AFTER_DDL name=a\nSELECT 1;\n";
    const failure refusal = refusal_of(first + "-- confiture: phase=CLEANUP name=a\nSELECT 2");
    EXPECT_EQ(refusal.message, "second hook \"a\" in \"001.up.sql\", line 3");
    EXPECT_EQ(refusal.detail, "The first one is in line 1.");
    EXPECT_EQ(message_of_refusal("-- confiture: phase=CLEANUP name=001:line-0003\nSELECT 1;\n"
                                 "-- confiture: hook=notify phase=CLEANUP"),
              "second hook \"001:line-0003\" in \"001.up.sql\", line 3");
    EXPECT_EQ(parse(first + "-- confiture: phase=CLEANUP name=A\nSELECT 2").hooks.size(), 2u);
}

TEST(hook_sections, have_statements) {
    const std::string refused =
        "hook \"001:line-0002\" has no statements in \"001.up.sql\", line 2";
    const std::string begin = "SELECT 1;\n-- confiture: phase=AFTER_DDL\n";
    EXPECT_EQ(message_of_refusal(begin), refused);
    EXPECT_EQ(message_of_refusal(begin + ";;\n-- SELECT 2"), refused);
    EXPECT_EQ(message_of_refusal(begin + "-- confiture: phase=DDL\nSELECT 2"), refused);
    EXPECT_EQ(message_of_refusal(begin + "-- confiture: phase=CLEANUP\nSELECT 2"), refused);
    EXPECT_EQ(message_of_refusal(begin + "-- confiture: hook=notify phase=CLEANUP\n"), refused);
}

TEST(hook_sections, refuse_what_ends_a_transaction_or_a_savepoint) {
    for (const char *statement :
         {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO a", "RELEASE a"}) {
        const failure refusal = refusal_of("-- confiture: phase=AFTER_DDL name=a\nSELECT 1;\n" +
                                           std::string(statement) + ";\nSELECT 2");
        std::string tag = statement;
        if (tag.ends_with(" a"))
            tag.resize(tag.size() - 2);
        EXPECT_EQ(refusal.message, "hook \"a\" cannot run " + tag + " in \"001.up.sql\", line 3");
        EXPECT_TRUE(refusal.hint.starts_with("Remove it")) << refusal.hint;
    }
}

TEST(hook_sections, refuse_what_runs_outside_of_transactions) {
    const std::string begin = "-- confiture: phase=AFTER_DDL name=a\n";
    const failure index = refusal_of(begin + "CREATE INDEX CONCURRENTLY i ON t (a)");
    EXPECT_EQ(index.message, "hook \"a\" cannot run CREATE INDEX in \"001.up.sql\", line 2");
    EXPECT_NE(index.hint.find("without CONCURRENTLY"), std::string::npos);
    const failure vacuum = refusal_of(begin + "VACUUM t");
    EXPECT_EQ(vacuum.message, "hook \"a\" cannot run VACUUM in \"001.up.sql\", line 2");
    EXPECT_EQ(vacuum.hint.find("CONCURRENTLY"), std::string::npos);
    EXPECT_EQ(parse(begin + "SELECT 1;\n-- confiture: phase=DDL\nVACUUM t").own(), "VACUUM t");
}

TEST(hook_sections, stand_between_a_pair_around_the_whole) {
    const std::string begin = "BEGIN;\nSELECT 1;\n-- confiture: phase=AFTER_DDL\nSELECT 2;\n";
    for (const char *end : {"COMMIT;", "-- confiture: phase=DDL\nCOMMIT;",
                            "-- confiture: phase=DDL\nSELECT 3; COMMIT"}) {
        const parsed found = parse(begin + end);
        EXPECT_EQ(found.of_hook(0), "SELECT 2") << end;
        EXPECT_TRUE(found.own().starts_with("SELECT 1")) << end;
        EXPECT_EQ(found.own().find("COMMIT"), std::string::npos) << end;
    }
    EXPECT_EQ(parse("BEGIN; SELECT 1; COMMIT").own(), "SELECT 1");
    EXPECT_EQ(parse("BEGIN;\n-- confiture: phase=AFTER_DDL\nSELECT 1;\nCOMMIT").of_hook(0),
              "SELECT 1");
}

TEST(hook_sections, do_not_hide_a_commit_in_the_middle) {
    const parsed found =
        parse("BEGIN;\nSELECT 1;\nCOMMIT;\n-- confiture: phase=AFTER_DDL\nSELECT 2");
    EXPECT_EQ(found.own(), "BEGIN; SELECT 1; COMMIT");
    EXPECT_EQ(message_of_refusal("BEGIN;\n-- confiture: phase=AFTER_DDL\nCOMMIT;\nSELECT 2"),
              "hook \"001:line-0002\" cannot run COMMIT in \"001.up.sql\", line 3");
}

TEST(hook_sections, may_not_hold_the_pair_themselves) {
    EXPECT_EQ(message_of_refusal("-- confiture: phase=AFTER_DDL\nBEGIN;\nSELECT 1;\nCOMMIT"),
              "hook \"001:line-0001\" cannot run BEGIN in \"001.up.sql\", line 2");
    EXPECT_EQ(message_of_refusal("BEGIN;\n-- confiture: phase=AFTER_DDL\nCOMMIT"),
              "hook \"001:line-0002\" has no statements in \"001.up.sql\", line 2");
}

TEST(hook_sections, do_not_begin_inside_a_statement) {
    const failure refusal =
        refusal_of("SELECT 1;\nSELECT 2\n-- confiture: phase=AFTER_DDL\nFROM t;\nSELECT 3");
    EXPECT_EQ(refusal.message, "directive of a hook inside a statement in \"001.up.sql\", line 3");
    EXPECT_EQ(refusal.detail, "The SELECT of line 2 is not at its end there.");
    for (const char *directive : {"phase=DDL", "hook=notify phase=CLEANUP"})
        EXPECT_EQ(message_of_refusal(std::string("SELECT\n-- confiture: ") + directive + "\n1"),
                  "directive of a hook inside a statement in \"001.up.sql\", line 2");
}

TEST(hook_sections, begin_before_the_semicolon_of_a_statement_too) {
    const parsed found = parse("SELECT 1\n-- confiture: phase=AFTER_DDL\n;\nSELECT 2");
    EXPECT_EQ(found.own(), "SELECT 1");
    EXPECT_EQ(found.of_hook(0), "SELECT 2");
    EXPECT_EQ(parse("SELECT 1 -- confiture: hook=notify phase=CLEANUP").own(), "SELECT 1");
}

TEST(hook_sections, are_as_many_as_one_likes) {
    std::string script;
    for (int i = 0; i < 10000; i++)
        script += "-- confiture: phase=AFTER_DDL\nSELECT 1;\n";
    const parsed found = parse(script);
    EXPECT_EQ(found.hooks.size(), 10000u);
    EXPECT_EQ(found.hooks.back().name, "001:line-19999");
}

} // namespace
} // namespace confiture::migration
