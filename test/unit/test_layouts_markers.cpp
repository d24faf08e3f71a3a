/* Lines by which migration tools mark a way back, in folders that another tool's reader takes. */
#include "folder_fixture.hpp"

#include "migration/markers.hpp"

namespace confiture::migration {
namespace {

struct marked_text {
    const char *tool, *content;
};

/* One line of each, with a way back below it. */
const marked_text foreign[] = {
    {"sql-migrate", "-- +migrate Up\nCREATE TABLE t ();\n-- +migrate Down\nDROP TABLE t;\n"},
    {"sql-migrate", "-- +migrate Down\nDROP TABLE t;\n"},
    {"sql-migrate", "-- +migrate StatementBegin\nSELECT 1;\n"},
    {"micrate", "-- +micrate Down\nDROP TABLE t;\n"},
    {"another tool", "-- +novel down\nDROP TABLE t;\n"},
    {"node-pg-migrate", "-- Up Migration\nCREATE TABLE t ();\n-- Down Migration\nDROP TABLE t;\n"},
    {"node-pg-migrate", "--- - down   migration: away with it\nDROP TABLE t;\n"},
    {"tern", "CREATE TABLE t ();\n---- create above / drop below ----\nDROP TABLE t;\n"},
    {"tern", "SELECT 1;\n----Create above / DROP below----\n"},
    {"tern", "---- tern: disable-tx ----\nSELECT 1;\n"},
    {"MyBatis Migrations", "-- // users\nCREATE TABLE t ();\n-- //@UNDO\nDROP TABLE t;\n"},
    {"MyBatis Migrations", "SELECT 1;\n--//@UNDO\nDROP TABLE t;\n"},
    {"MyBatis Migrations", "SELECT 1;\n  //  //  @undo\nDROP TABLE t;\n"},
    {"rambler", "-- rambler up\nSELECT 1;\n-- rambler down\nDROP TABLE t;\n"},
    {"shmig", "-- ====  UP  ====\nSELECT 1;\n-- ====  DOWN  ====\nDROP TABLE t;\n"},
    {"Play", "# --- !Ups\nSELECT 1;\n# --- !Downs\nDROP TABLE t;\n"},
    {"Play", "-- !Downs\nDROP TABLE t;\n"},
    {"Play", "#---!Downs\nDROP TABLE t;\n"},
    {"Liquibase", "--liquibase formatted sql\n--changeset a:1\nSELECT 1;\n"},
    {"Liquibase", "  -- LIQUIBASE  formatted SQL\nSELECT 1;\n"},
    {"Liquibase", "-- changeset me:1 runOnChange:true\nSELECT 1;\n"},
    {"Liquibase", "SELECT 1;\n--rollback DROP TABLE t;\n"},
    {"Liquibase", "SELECT 1;\n-- rollback drop table t;\n"},
    {"Liquibase", "/* liquibase rollback\nDROP TABLE t;\n*/\n"},
    {"Liquibase", "--preconditions onFail:HALT\nSELECT 1;\n"},
    {"Atlas", "-- atlas:txmode none\nSELECT 1;\n"},
    {"Atlas", "-- atlas:txtar\n\n-- migration.sql --\nSELECT 1;\n-- down.sql --\nDROP TABLE t;\n"},
    {"graphile-migrate", "--! Previous: -\n--! Hash: x\n\nSELECT 1;\n"},
    {"graphile-migrate", "--!include fixtures/a.sql\nSELECT 1;\n"},
    {"graphile-migrate", "--! AllowInvalidHash\nSELECT 1;\n"},
    {"Hasura", "-- hasura:no-transaction\nSELECT 1;\n"},
    {"Evolve", "-- evolve-tx-off\nSELECT 1;\n"},
    {"yoyo", "-- depends: 0000.first\nSELECT 1;\n"},
    {"yoyo", "-- transactional: false\nSELECT 1;\n"},
    {"Migratus", "-- :disable-transaction\nSELECT 1;\n"},
    {"another tool", "-- name: up\nSELECT 1;\n-- name: down\nDROP TABLE t;\n"},
    {"another tool", "-- :name down\nDROP TABLE t;\n"},
    {"another tool", "---------- MIGRONDI:DOWN:1586550686936 ----------\nDROP TABLE t;\n"},
    {"another tool", "-- @down\nDROP TABLE t;\n"},
    {"goose", "-- +goose Up\nSELECT 1;\n-- +goose Down\nDROP TABLE t;\n"},
    {"goose", "--+GOOSE down\nDROP TABLE t;\n"},
    {"goose", "-- see +goose Down\nDROP TABLE t;\n"},
    {"dbmate", "-- migrate:up\nSELECT 1;\n-- migrate:down\nDROP TABLE t;\n"},
    {"dbmate", "--migrate:down\nDROP TABLE t;\n"},
    {"dbmate", " \t--\tMIGRATE:DOWN\nDROP TABLE t;\n"},
    {"dbmate", "/* migrate:down */\nDROP TABLE t;\n"},
    {"dbmate", "\xEF\xBB\xBF-- migrate:down\r\nDROP TABLE t;\r\n"},
    {"dbmate", "SELECT 1;\r-- migrate:down\rDROP TABLE t;\r"},
    {"dbmate", "--\xC2\xA0migrate:down\nDROP TABLE t;\n"},
    {"dbmate", "SELECT $$\n-- migrate:down\n$$;\n"},
    {"dbmate", "SELECT '\n-- migrate:down\n';\n"},
};

TEST(foreign_markers, refuse_the_folder_in_a_layout_that_does_not_know_them) {
    for (const marked_text &each : foreign) {
        const std::string message =
            message_of_refusal({{"001_a.up.sql", each.content}, {"002_b.up.sql", "x"}}, "plain");
        EXPECT_TRUE(message.starts_with("line that looks like a marker of " +
                                        std::string(each.tool) +
                                        " and is not understood in \"001_a.up.sql\", line "))
            << each.content << message;
    }
}

TEST(foreign_markers, refuse_the_folder_in_every_layout) {
    const struct {
        const char *layout_name, *path, *before;
    } places[] = {
        {"plain", "1_a.sql", ""},
        {"golang-migrate", "1_a.up.sql", ""},
        {"sqlx", "1_a.sql", "-- no-transaction\n"},
        {"flyway", "V1__a.sql", ""},
        {"flyway", "R__a.sql", ""},
        {"refinery", "V1__a.sql", ""},
        {"dbmate", "1_a.sql", "-- migrate:up\n"},
        {"goose", "1_a.sql", "-- +goose Up\n"},
        {"pop", "1_a.postgres.up.sql", ""},
        {"diesel", "1_a/up.sql", ""},
        {"prisma", "1_a/migration.sql", ""},
        {"graphile-migrate", "committed/000001.sql", "--! Previous: -\n"},
    };
    for (const auto &place : places)
        for (const marked_text &each : foreign) {
            if (each.tool == std::string_view(place.layout_name))
                continue;
            const std::string content = std::string(place.before) + "SELECT 0;\n" + each.content;
            EXPECT_NE(message_of_refusal({{place.path, content}}, place.layout_name), "")
                << place.layout_name << each.content;
        }
}

TEST(foreign_markers, refuse_the_folder_where_they_stand_in_a_way_back_or_a_verify_script) {
    for (const char *path : {"1_a.down.sql", "1_a.verify.sql"})
        EXPECT_EQ(message_of_refusal({{"1_a.up.sql", "x"}, {path, "x;\n-- +migrate Up\ny\n"}}),
                  "line that looks like a marker of sql-migrate and is not understood in \"" +
                      std::string(path) + "\", line 2");
}

TEST(foreign_markers, tell_what_to_do) {
    const failure known = refusal_of({{"1_a.sql", "SELECT 1;\n-- migrate:down\n"}}, "plain");
    EXPECT_EQ(known.state, "MG005");
    EXPECT_NE(known.detail.find("\"-- migrate:down\""), std::string::npos);
    EXPECT_NE(known.hint.find("layout => 'dbmate'"), std::string::npos);
    EXPECT_NE(refusal_of({{"1_a.sql", "-- +migrate Up\n"}}).hint.find("001_name.down.sql"),
              std::string::npos);
}

TEST(foreign_markers, of_one_file_keep_the_folder_from_being_taken_as_plain) {
    for (const marked_text &each : foreign)
        for (const char *path : {"000_a.sql", "005_a.sql", "020_a.sql"})
            EXPECT_NE(
                message_of_refusal({{"001_x.sql", "x"}, {"010_y.sql", "x"}, {path, each.content}}),
                "")
                << each.content;
}

/* What is no marker: prose, separators, and the words of other tools' linters. */
TEST(comments, that_are_no_markers_are_left_alone) {
    for (const char *content : {"-- Goes up to 10 and down to 3\nSELECT 1;\n",
                                "-- see the rollback plan in the wiki\nx;\n",
                                "SELECT 1; --> statement-breakpoint\nSELECT 2;\n",
                                "--> statement-breakpoint\nx;\n",
                                "--bun:split\nx;\n",
                                "--;;\nx;\n",
                                "-- atlas:nolint destructive\nx;\n",
                                "-- Deploy shop:users to pg\nx;\n",
                                "-- update the migration table\nx;\n",
                                "-- note: up to here\nx;\n",
                                "-- the property name is kept\nx;\n",
                                "/* up */ x;\n",
                                "-- changeset of last week\nx;\n",
                                "-- ==== USERS ====\nx;\n",
                                "SELECT 5 - -1;\n",
                                "/* pgmigrate-encoding: utf-8 */\nx;\n",
                                "--------\n-- Users --\n--------\nx;\n",
                                "-- revert: the change of 003, which was wrong\nx;\n",
                                "-- migrate the data\nx;\n",
                                "-- Rollback:\n-- DROP TABLE t;\n",
                                "x;\n-- down\n-- DROP TABLE t;\n",
                                "-- To roll back: DROP TABLE t;\nx;\n",
                                "-- How to revert\n-- DROP TABLE t;\nx;\n",
                                "x;\n-- To roll back:\n-- DROP TABLE t;\n",
                                "x;\n-- rolls back to the state of 003\ny;\n",
                                "x;\n-- to run it by hand: see the wiki\ny;\n",
                                "x; -- +1\ny;\n"})
        EXPECT_EQ(read_folder({{"1_a.up.sql", content}}, "plain").size(), 1U) << content;
}

TEST(headings, of_the_way_back_with_statements_below_them_are_refused) {
    for (const char *content : {"x;\n-- Down\ny;\n",
                                "-- up\nx;\n-- down\ny;\n",
                                "x;\n/* DOWN */\ny;\n",
                                "-- Undo\ny;\n",
                                "x;\n-- Rollback\ny;\n",
                                "x;\n-- ROLLBACK:\ny;\n",
                                "x;\n---- Revert ----\ny;\n",
                                "x;\n-- Down: away with it\ny;\n",
                                "x;\n-- Rollback script\n\n-- why\ny;\n",
                                "-- Running downgrade b -> a\ny;\n",
                                "-- Revert shop:users from pg\n\nBEGIN;\ny;\nCOMMIT;\n",
                                "x;\n-- [DOWN]\ny;\n",
                                "x;\n-- To roll back:\ny;\n",
                                "x;\n-- Roll back\ny;\n",
                                "x;\n/* How to revert this migration */\ny;\n",
                                "x;\n-- To undo, run the following:\ny;\n",
                                "x;\n-- to roll back: remove the table\ny;\n",
                                "x;\n-- Rolling back\ny;\n",
                                "x;\n-- The way back\ny;\n",
                                "-- Up\nx;\n-- Reverting\ny;\n",
                                "x;\n-- \xE2\x86\x93 down \xE2\x86\x93\ny;\n",
                                "-- down\nx;\n-- up\ny;\n"})
        EXPECT_NE(message_of_refusal({{"1_a.up.sql", content}}, "plain")
                      .find("statements below a heading of the way back in \"1_a.up.sql\", line "),
                  std::string::npos)
            << content;
    EXPECT_EQ(message_of_refusal({{"1_a.up.sql", "x"}, {"1_a.down.sql", "y;\n-- up\nz;\n"}}),
              "statements below a heading of the way forward in \"1_a.down.sql\", line 2");
}

TEST(headings, in_strings_bodies_and_statements_are_none) {
    for (const char *content :
         {"DO $$\nBEGIN\n-- undo\nx;\nEND $$;\ny;\n", "SELECT '\n-- down\n';\ny;\n",
          "CREATE TABLE t (\n-- down\na int);\ny;\n", "SELECT E'\\'\n-- down\n';\ny;\n",
          "SELECT $x$;\n-- down\n$x$;\ny;\n", "/* /* */ x;\n-- down\n*/ y;\n"})
        EXPECT_EQ(read_folder({{"1_a.up.sql", content}}, "plain").size(), 1U) << content;
}

TEST(headings, of_the_own_direction_are_none) {
    const auto read =
        read_folder({{"1_a.up.sql", "-- Up\nx;\n"}, {"1_a.down.sql", "-- Down\ny;\n"}}, "plain");
    EXPECT_EQ(read.at(0).down, "-- Down\ny;\n");
}

TEST(file_names, that_say_that_they_go_back_do_not_run_forward) {
    for (const char *path : {"1_a.undo.sql", "1_a.DOWN.sql", "1_a.rollback.sql", "1_a.Revert.sql",
                             "001_down.sql", "2_rollback.sql", "1.2-undo.sql"})
        EXPECT_EQ(message_of_refusal({{path, "x"}}, "plain"),
                  "file \"" + std::string(path) + "\" would run forward");
    EXPECT_EQ(message_of_refusal({{"V1__a.down.sql", "x"}}, "flyway"),
              "file \"V1__a.down.sql\" would run forward");
    EXPECT_EQ(message_of_refusal({{"V1__undo.sql", "x"}}, "flyway"),
              "file \"V1__undo.sql\" would run forward");
    EXPECT_EQ(message_of_refusal({{"1_a_up.sql", "x"}, {"2_b_down.sql", "x"}}, "plain"),
              "file \"2_b_down.sql\" would run forward");
    EXPECT_EQ(read_folder({{"1_slow_down.sql", "x"}, {"2_rollback_of_x.sql", "x"}}, "plain").size(),
              2U);
}

TEST(dbmate_layout, takes_the_parts_in_any_order) {
    const source found = read_folder(
        {{"1_a.sql", "-- why\n-- migrate:down\nSELECT 2;\n-- migrate:up transaction:false\n"
                     "SELECT 1;\n"}},
        "auto")[0];
    EXPECT_EQ(found.up, "\n\n\n\nSELECT 1;\n");
    EXPECT_EQ(found.down, "\n\nSELECT 2;\n");
    EXPECT_FALSE(found.transactional);
}

TEST(dbmate_layout, refuses_markers_that_dbmate_passes_over) {
    for (const char *marker : {" -- migrate:down", "-- Migrate:Down", "\t--migrate:down",
                               "-- * migrate:down", "/* migrate:down */"}) {
        const std::string content = "-- migrate:up\nSELECT 1;\n" + std::string(marker) + "\nx;\n";
        for (const char *layout_name : {"auto", "dbmate"})
            EXPECT_EQ(message_of_refusal({{"1_a.sql", content}}, layout_name),
                      "line that looks like a marker of dbmate and is not understood in "
                      "\"1_a.sql\", line 3");
    }
    EXPECT_EQ(message_of_refusal({{"1_a.sql", " -- migrate:up\nSELECT 1;\n-- migrate:down\nx;\n"}}),
              "line that looks like a marker of dbmate and is not understood in \"1_a.sql\", line "
              "1");
}

} // namespace
} // namespace confiture::migration
