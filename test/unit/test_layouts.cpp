/* What holds for every layout: encodings, empty files, versions that collide, the choice. */
#include "folder_fixture.hpp"

#include <set>

namespace confiture::migration {
namespace {

TEST(read_folder, sorts_in_version_order) {
    EXPECT_EQ(versions_of(read_folder(
                  {{"10_c.sql", "SELECT 3"}, {"9_b.sql", "SELECT 2"}, {"001_a.sql", "SELECT 1"}},
                  "auto")),
              (versions{"001", "9", "10"}));
}

TEST(read_folder, does_not_need_sorted_files) {
    const auto read = read_folder(
        {{"2_b.up.sql", "SELECT 2"}, {"1_a.up.sql", "SELECT 1"}, {"2_b.down.sql", "SELECT -2"}},
        "auto");
    EXPECT_EQ(versions_of(read), (versions{"1", "2"}));
    EXPECT_EQ(read[1].down, "SELECT -2");
}

TEST(read_folder, knows_each_layout_by_its_name) {
    std::set<std::string> names;
    for (const layout &each : layouts()) {
        EXPECT_TRUE(names.insert(each.name).second) << each.name;
        EXPECT_NE(each.shape, std::string());
    }
    EXPECT_EQ(names, (std::set<std::string>{"dbmate", "diesel", "flyway", "golang-migrate", "goose",
                                            "graphile-migrate", "plain", "pop", "prisma",
                                            "refinery", "sqitch", "sqlx"}));
}

TEST(read_folder, refuses_an_unknown_layout) {
    const failure refusal = refusal_of({{"1.sql", "SELECT 1"}}, "alembic");
    EXPECT_EQ(refusal.state.code, std::string("MG016"));
    EXPECT_EQ(refusal.message, "unknown layout \"alembic\"");
    EXPECT_NE(refusal.hint.find("golang-migrate"), std::string::npos);
}

TEST(read_folder, refuses_a_folder_without_scripts) {
    EXPECT_EQ(message_of_refusal({}), "folder has no migrations");
    EXPECT_EQ(message_of_refusal({{"README.md", "hello"}}), "folder has no migrations");
    for (const layout &each : layouts())
        EXPECT_THROW(read_folder({{"README.md", "hello"}}, each.name), failure) << each.name;
}

TEST(read_folder, refuses_a_folder_of_no_known_layout_naming_a_script) {
    const failure refusal = refusal_of({{"schema.sql", "SELECT 1"}});
    EXPECT_EQ(refusal.message, "folder has no layout that is known");
    EXPECT_NE(refusal.detail.find("\"schema.sql\""), std::string::npos);
    EXPECT_NE(refusal.detail.find("V1__name.sql"), std::string::npos);
}

TEST(read_folder, leaves_out_other_and_hidden_files) {
    const auto read = read_folder({{"001.sql", "SELECT 1"},
                                   {".gitkeep", ""},
                                   {"._001.sql", std::string("\0\1", 2)},
                                   {".git/002.sql", "x"},
                                   {"README.md", "\xFF"},
                                   {"main.go", "package main"},
                                   {"seeds/users.sql", "SELECT 1"}},
                                  "auto");
    EXPECT_EQ(versions_of(read), versions{"001"});
}

TEST(read_folder, refuses_a_script_in_a_subfolder_that_looks_like_a_migration) {
    EXPECT_EQ(message_of_refusal({{"001.sql", "SELECT 1"}, {"old/002.sql", "SELECT 1"}}),
              "file \"old/002.sql\" is no migration of layout \"plain\"");
}

TEST(read_folder, drops_the_byte_order_mark_and_keeps_the_rest) {
    EXPECT_EQ(read_folder({{"1.sql", "\xEF\xBB\xBFSELECT 1;\r\n"}}, "auto")[0].up, "SELECT 1;\r\n");
}

TEST(read_folder, finds_markers_behind_a_byte_order_mark) {
    EXPECT_EQ(read_folder({{"1_a.sql", "\xEF\xBB\xBF-- +goose Up\nSELECT 1;"}}, "auto")[0].up,
              "\nSELECT 1;");
}

TEST(read_folder, refuses_what_is_not_utf8_naming_the_line) {
    const failure refusal = refusal_of({{"1.sql", "SELECT 1;\n-- caf\xE9\n"}});
    EXPECT_EQ(refusal.state.code, std::string("MG005"));
    EXPECT_EQ(refusal.message, "file \"1.sql\", line 2, is not valid UTF-8");
    EXPECT_EQ(refusal.detail, "Byte 17 of the file is 0xe9.");
}

TEST(read_folder, refuses_every_illegal_form_of_utf8) {
    for (const char *bytes :
         {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x9F\xBF", "\xE2\x82", "\xED\xA0\x80",
          "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"})
        EXPECT_THROW(read_folder({{"1.sql", std::string("SELECT '") + bytes + "'"}}, "auto"),
                     failure);
    for (const char *bytes : {"\xC2\x80", "\xE0\xA0\x80", "\xE2\x82\xAC", "\xED\x9F\xBF",
                              "\xEF\xBF\xBD", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"})
        EXPECT_NO_THROW(read_folder({{"1.sql", std::string("SELECT '") + bytes + "'"}}, "auto"));
}

TEST(read_folder, refuses_utf16_by_name) {
    EXPECT_EQ(message_of_refusal({{"1.sql", std::string("\xFF\xFES\0E\0", 6)}}),
              "file \"1.sql\" is UTF-16, not UTF-8");
    EXPECT_EQ(message_of_refusal({{"1.sql", std::string("\xFE\xFF\0S\0E", 6)}}),
              "file \"1.sql\" is UTF-16, not UTF-8");
    EXPECT_EQ(message_of_refusal({{"1.sql", std::string("S\0E\0", 4)}}),
              "file \"1.sql\", line 1, has a NUL byte");
}

TEST(read_folder, refuses_a_file_name_that_is_not_utf8) {
    EXPECT_EQ(message_of_refusal({{"1_caf\xE9.sql", "SELECT 1"}}),
              "name of file \"1_caf\\xe9.sql\" is not valid UTF-8");
}

TEST(read_folder, refuses_empty_files) {
    for (const char *content : {"", " \r\n\t", "\xEF\xBB\xBF", "\xEF\xBB\xBF\n"}) {
        EXPECT_EQ(message_of_refusal({{"1_a.sql", "SELECT 1"}, {"2_b.sql", content}}),
                  "file \"2_b.sql\" is empty");
    }
    EXPECT_EQ(message_of_refusal({{"V1__a.sql", ""}}), "file \"V1__a.sql\" is empty");
    EXPECT_EQ(message_of_refusal({{"R__a.sql", ""}}), "file \"R__a.sql\" is empty");
    EXPECT_EQ(message_of_refusal({{"1_a/up.sql", ""}}), "file \"1_a/up.sql\" is empty");
    EXPECT_EQ(message_of_refusal({{"1_a/migration.sql", ""}}),
              "file \"1_a/migration.sql\" is empty");
    EXPECT_EQ(message_of_refusal({{"committed/000001.sql", ""}}),
              "file \"committed/000001.sql\" is empty");
    EXPECT_EQ(message_of_refusal({{"1_a.sql", "-- +goose Up\nSELECT 1"}, {"2_b.sql", ""}}),
              "file \"2_b.sql\" is empty");
    EXPECT_EQ(message_of_refusal({{"1_a.sql", "-- migrate:up\nSELECT 1"}, {"2_b.sql", ""}}),
              "file \"2_b.sql\" is empty");
    EXPECT_EQ(message_of_refusal({{"deploy/a.sql", ""}, {"sqitch.plan", "a 2024 me <m@x>\n"}}),
              "file \"deploy/a.sql\" is empty");
}

TEST(read_folder, accepts_a_forward_script_of_comments) {
    EXPECT_EQ(read_folder({{"1.sql", "-- nothing to do\n"}}, "auto")[0].up, "-- nothing to do\n");
}

TEST(read_folder, takes_a_backward_script_without_statements_for_none) {
    for (const char *content :
         {"", "\n", "-- nothing\n", "/* a /* b */ c */ ; -- d", "-- confiture: no-transaction",
          "-- confiture: phase=DDL", "/*\n-- confiture: hook=notify phase=CLEANUP\n*/"}) {
        const auto read =
            read_folder({{"1_a.up.sql", "SELECT 1"}, {"1_a.down.sql", content}}, "auto");
        EXPECT_FALSE(read[0].down) << content;
        EXPECT_EQ(read[0].down_file, "");
    }
    for (const char *content :
         {"/* open", "/* a */ SELECT 1", "/* /* */ SELECT 1", "-- a\rSELECT 1",
          "-- confiture: hook=notify phase=CLEANUP", "; -- a\n--confiture: nonsense"})
        EXPECT_TRUE(
            read_folder({{"1_a.up.sql", "SELECT 1"}, {"1_a.down.sql", content}}, "auto")[0].down)
            << content;
}

TEST(read_folder, refuses_a_backward_script_alone) {
    EXPECT_EQ(message_of_refusal({{"1_a.up.sql", "SELECT 1"}, {"2_b.down.sql", "SELECT 2"}}),
              "file \"2_b.down.sql\" has no forward script beside it");
}

TEST(read_folder, refuses_two_files_of_one_version) {
    const failure refusal = refusal_of({{"1_a.sql", "SELECT 1"}, {"1_b.sql", "SELECT 1"}});
    EXPECT_EQ(refusal.message, "files \"1_a.sql\" and \"1_b.sql\" have one version");
    EXPECT_EQ(refusal.detail, "Both are version \"1\".");
}

TEST(read_folder, refuses_versions_that_are_equal_in_version_order) {
    const failure refusal = refusal_of({{"001_b.sql", "SELECT 1"}, {"1_a.sql", "SELECT 1"}});
    EXPECT_EQ(refusal.message, "files \"001_b.sql\" and \"1_a.sql\" have one version");
    EXPECT_EQ(refusal.detail, "\"001\" and \"1\" are equal in version order.");
}

TEST(read_folder, refuses_equal_versions_of_marked_and_foldered_migrations) {
    EXPECT_EQ(message_of_refusal(
                  {{"01_a.sql", "-- +goose Up\nSELECT 1"}, {"1_b.sql", "-- +goose Up\nSELECT 1"}}),
              "files \"01_a.sql\" and \"1_b.sql\" have one version");
    EXPECT_EQ(
        message_of_refusal(
            {{"2024-01-01-000000_a/up.sql", "SELECT 1"}, {"20240101000000_b/up.sql", "SELECT 1"}}),
        "files \"2024-01-01-000000_a/up.sql\" and \"20240101000000_b/up.sql\" have one version");
}

TEST(read_folder, does_not_take_capital_sql_silently) {
    EXPECT_EQ(message_of_refusal({{"1_a.sql", "SELECT 1"}, {"2_b.SQL", "SELECT 2"}}),
              "file \"2_b.SQL\" is no migration of layout \"plain\"");
}

} // namespace
} // namespace confiture::migration
