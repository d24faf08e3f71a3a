/* Layouts whose files are marked up: dbmate, goose, graphile-migrate. */
#include "folder_fixture.hpp"

namespace confiture::migration {
namespace {

source read_one(const char *content) { return read_folder({{"1_a.sql", content}}, "auto").at(0); }

std::string refusal(const char *content, const char *layout_name) {
    return message_of_refusal({{"1_a.sql", content}}, layout_name);
}

TEST(dbmate_layout, splits_at_its_markers_and_keeps_line_numbers) {
    const source found =
        read_one("-- why\n-- migrate:up\nSELECT 1;\n\n-- migrate:down\nSELECT 2;\n");
    EXPECT_EQ(found.up, "\n\nSELECT 1;\n\n");
    EXPECT_EQ(found.down, "\n\n\n\n\nSELECT 2;\n");
    EXPECT_EQ(found.up_file, "1_a.sql");
    EXPECT_EQ(found.down_file, "1_a.sql");
    EXPECT_TRUE(found.transactional);
}

TEST(dbmate_layout, keeps_carriage_returns) {
    const source found = read_one("-- migrate:up\r\nSELECT 1;\r\n-- migrate:down\r\nSELECT 2;\r\n");
    EXPECT_EQ(found.up, "\r\nSELECT 1;\r\n");
    EXPECT_EQ(found.down, "\r\n\r\n\r\nSELECT 2;\r\n");
}

/* A carriage return alone ends a line too; with the line feed after it, it would end one, not two.
 */
TEST(dbmate_layout, keeps_line_numbers_where_line_ends_are_mixed) {
    const source found = read_one(
        "-- one\r-- two\n-- migrate:up\nSELECT 1;\r\n-- five\r\n-- migrate:down\rSELECT 2;");
    EXPECT_EQ(found.up, "\n\n\nSELECT 1;\r\n-- five\r\n");
    EXPECT_EQ(found.down, "\n\n\n\r\n\r\n\nSELECT 2;");
}

TEST(dbmate_layout, reads_the_transaction_option) {
    EXPECT_FALSE(read_one("--  migrate:up  transaction:false\nSELECT 1;").transactional);
    EXPECT_TRUE(read_one("-- migrate:up transaction:true\nSELECT 1;").transactional);
    EXPECT_TRUE(read_one("-- migrate:up\nSELECT 1;\n-- migrate:down transaction:false\nSELECT 2")
                    .transactional);
    EXPECT_EQ(refusal("-- migrate:up transaction:no\nSELECT 1;", "dbmate"),
              "unknown option \"transaction:no\" of a dbmate part in \"1_a.sql\", line 1");
}

TEST(dbmate_layout, has_no_way_back_without_statements) {
    EXPECT_FALSE(read_one("-- migrate:up\nSELECT 1;\n-- migrate:down\n\n-- none\n").down);
    EXPECT_FALSE(read_one("-- migrate:up\nSELECT 1;\n").down);
    EXPECT_FALSE(read_one("/* of\n-- confiture: x\n*/ -- note\n-- migrate:up\nSELECT 1;\n").down);
}

TEST(dbmate_layout, refuses_parts_that_are_missing_or_misplaced) {
    EXPECT_EQ(refusal("SELECT 1;", "dbmate"), "file \"1_a.sql\" has no part \"-- migrate:up\"");
    EXPECT_EQ(refusal("-- migrate:down\nSELECT 1;", "dbmate"),
              "file \"1_a.sql\" has no part \"-- migrate:up\"");
    EXPECT_EQ(refusal("SELECT 0;\n-- migrate:down\nSELECT 1;\n-- migrate:up\nSELECT 2;", "dbmate"),
              "statement before \"-- migrate:down\" in \"1_a.sql\", line 2");
    EXPECT_EQ(refusal("SELECT 0;\n-- migrate:up\nSELECT 1;", "dbmate"),
              "statement before \"-- migrate:up\" in \"1_a.sql\", line 2");
    EXPECT_EQ(refusal("-- confiture: lock_timeout=2s\n-- migrate:up\nSELECT 1;", "dbmate"),
              "directive before \"-- migrate:up\" in \"1_a.sql\", line 2");
    EXPECT_EQ(refusal("-- migrate:up\n\n-- migrate:up\n", "dbmate"),
              "second part \"migrate:up\" in \"1_a.sql\", line 3");
    EXPECT_EQ(refusal("-- migrate:up\n-- migrate:sideways\n", "dbmate"),
              "unknown part \"migrate:sideways\" in \"1_a.sql\", line 2");
}

TEST(dbmate_layout, refuses_a_file_without_a_number) {
    EXPECT_EQ(message_of_refusal({{"1_a.sql", "-- migrate:up\nx"}, {"schema.sql", "x"}}),
              "file \"schema.sql\" is no migration of layout \"dbmate\"");
}

TEST(goose_layout, splits_at_its_annotations_and_keeps_line_numbers) {
    const source found = read_one("-- why\n\n-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n");
    EXPECT_EQ(found.up, "\n\n\nSELECT 1;\n");
    EXPECT_EQ(found.down, "\n\n\n\n\nSELECT 2;\n");
    EXPECT_TRUE(found.transactional);
}

TEST(goose_layout, keeps_statement_marks_as_comments) {
    const source found = read_one("-- +goose Up\n-- +goose StatementBegin\nDO $$ BEGIN; END $$;\n"
                                  "-- +goose StatementEnd\n-- +goose Down\n"
                                  "-- +goose StatementBegin\n-- +goose StatementEnd\n");
    EXPECT_EQ(found.up,
              "\n-- +goose StatementBegin\nDO $$ BEGIN; END $$;\n-- +goose StatementEnd\n");
    EXPECT_FALSE(found.down);
}

TEST(goose_layout, takes_annotations_in_any_case) {
    const source found =
        read_one("--+goose up\nSELECT 1;\n-- +goose no transaction\n--   +goose DOWN  \nSELECT 2;");
    EXPECT_EQ(found.up, "\nSELECT 1;\n-- +goose no transaction\n");
    EXPECT_EQ(found.down, "\n\n\n\nSELECT 2;");
    EXPECT_FALSE(found.transactional);
}

TEST(goose_layout, takes_no_transaction_anywhere) {
    EXPECT_FALSE(read_one("-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;").transactional);
    EXPECT_FALSE(read_one("-- +goose Up\n-- +goose StatementBegin\n-- +goose NO TRANSACTION\n"
                          "SELECT 1;\n-- +goose StatementEnd")
                     .transactional);
    EXPECT_FALSE(read_one("-- +goose Up\nSELECT 1;\n-- +goose Down\n-- +goose NO TRANSACTION\n"
                          "SELECT 2;")
                     .transactional);
}

TEST(goose_layout, refuses_environment_substitution) {
    EXPECT_EQ(refusal("-- +goose Up\n-- +goose ENVSUB ON\nSELECT ${A};", "auto"),
              "annotation \"-- +goose ENVSUB ON\" is not supported in \"1_a.sql\", line 2");
}

TEST(goose_layout, refuses_annotations_that_are_unknown_or_misplaced) {
    struct {
        const char *content, *message;
    } const cases[] = {
        {"SELECT 1;", "file \"1_a.sql\" has no line \"-- +goose Up\""},
        {"SELECT 0;\n-- +goose Up\nSELECT 1;",
         "statement before \"-- +goose Up\" in \"1_a.sql\", line 2"},
        {"-- confiture: no-transaction\n-- a comment\n-- +goose Up\nSELECT 1;",
         "directive before \"-- +goose Up\" in \"1_a.sql\", line 3"},
        {"-- +goose Down\n-- +goose Up\n",
         "misplaced annotation \"-- +goose Down\" in \"1_a.sql\", line 1"},
        {"-- +goose Up\n-- +goose Up\n",
         "misplaced annotation \"-- +goose Up\" in \"1_a.sql\", line 2"},
        {"-- +goose Up\n-- +goose Down\n-- +goose Down\n",
         "misplaced annotation \"-- +goose Down\" in \"1_a.sql\", line 3"},
        {"-- +goose Up\n-- +goose Upp\n",
         "unknown annotation \"-- +goose Upp\" in \"1_a.sql\", line 2"},
        {"-- +goose Up\n-- see +goose Down\n",
         "unknown annotation \"-- see +goose Down\" in \"1_a.sql\", line 2"},
        {"-- +goose Up\n -- +goose Down\n",
         "white space before annotation \"-- +goose Down\" in \"1_a.sql\", line 2"},
        {"-- +goose StatementBegin\n-- +goose Up\n",
         "misplaced annotation \"-- +goose StatementBegin\" in \"1_a.sql\", line 1"},
        {"-- +goose Up\n-- +goose StatementEnd\n",
         "misplaced annotation \"-- +goose StatementEnd\" in \"1_a.sql\", line 2"},
        {"-- +goose Up\n-- +goose StatementBegin\nSELECT 1;",
         "\"-- +goose StatementBegin\" without \"-- +goose StatementEnd\" in \"1_a.sql\", line 2"},
        {"-- +goose Up\n-- +goose StatementBegin\n-- +goose Down\n",
         "annotation \"-- +goose Down\" in the middle of a statement in \"1_a.sql\", line 3"},
    };
    for (const auto &expected : cases)
        EXPECT_EQ(refusal(expected.content, "goose"), expected.message);
}

TEST(goose_layout, leaves_out_go_files_and_refuses_scripts_without_a_number) {
    EXPECT_EQ(
        versions_of(read_folder({{"1_a.sql", "-- +goose Up\nx"}, {"2_b.go", "package x"}}, "auto")),
        versions{"1"});
    EXPECT_EQ(message_of_refusal({{"1_a.sql", "-- +goose Up\nx"}, {"b.sql", "-- +goose Up\nx"}}),
              "file \"b.sql\" is no migration of layout \"goose\"");
}

TEST(graphile_migrate_layout, reads_what_is_committed_and_nothing_else) {
    const auto read =
        read_folder({{"committed/000001.sql", "--! Previous: -\n--! Hash: x\n\nSELECT 1"},
                     {"committed/000002-users.sql", "SELECT 2"},
                     {"current.sql", "SELECT 3"},
                     {"current/001-x.sql", "SELECT 3"},
                     {"fixtures/functions.sql", "SELECT 4"}},
                    "auto");
    EXPECT_EQ(recognised_as({{"committed/000001.sql", "x"}}), "graphile-migrate");
    ASSERT_EQ(versions_of(read), (versions{"000001", "000002"}));
    EXPECT_EQ(read[0].up, "--! Previous: -\n--! Hash: x\n\nSELECT 1");
    EXPECT_EQ(read[1].name, "users");
}

TEST(graphile_migrate_layout, reads_the_folder_of_committed_scripts_itself) {
    const std::vector<file> files{{"000001-a.sql", "--! Previous: -\n--! Hash: x\n\nSELECT 1"}};
    EXPECT_EQ(recognised_as(files), "graphile-migrate");
    EXPECT_EQ(versions_of(read_folder(files, "auto")), versions{"000001"});
}

TEST(graphile_migrate_layout, honours_no_transaction_before_the_first_statement) {
    const auto read =
        read_folder({{"committed/000001.sql", "--! Hash: x\n\n--! no-transaction\nSELECT 1"},
                     {"committed/000002.sql", "SELECT 1;\n--! no-transaction\n"}},
                    "auto");
    EXPECT_FALSE(read[0].transactional);
    EXPECT_TRUE(read[1].transactional);
}

TEST(graphile_migrate_layout, refuses_committed_scripts_of_other_names) {
    for (const char *path : {"committed/users.sql", "committed/0002.sql", "committed/000002_a.sql",
                             "committed/old/000002.sql"})
        EXPECT_EQ(message_of_refusal({{"committed/000001.sql", "x"}, {path, "x"}}),
                  "file \"" + std::string(path) +
                      "\" is no migration of layout \"graphile-migrate\"");
}

} // namespace
} // namespace confiture::migration
