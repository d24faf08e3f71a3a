/* Layouts whose files begin with their version: plain, golang-migrate, sqlx, pop. */
#include "folder_fixture.hpp"

namespace confiture::migration {
namespace {

source read_one(const char *path, const char *layout_name = "plain") {
    return read_folder({{path, "SELECT 1"}}, layout_name).at(0);
}

TEST(plain_layout, reads_version_and_name) {
    struct {
        const char *path, *version, *name;
    } const cases[] = {
        {"001.sql", "001", ""},
        {"001_users.sql", "001", "users"},
        {"001-create-users.sql", "001", "create-users"},
        {"001_users.up.sql", "001", "users"},
        {"001.up.sql", "001", ""},
        {"1.10_users.sql", "1.10", "users"},
        {"1.2.3.sql", "1.2.3", ""},
        {"1.2-users.sql", "1.2", "users"},
        {"2024-01-31.sql", "2024-01-31", ""},
        {"2024-01-31_users.sql", "2024-01-31", "users"},
        {"2024-01-31-add-users.sql", "2024-01-31", "add-users"},
        {"001-2fa-tokens.sql", "001", "2fa-tokens"},
        {"001-2-factor.sql", "001", "2-factor"},
        {"001_2_factor.sql", "001", "2_factor"},
        {"001_v1.2.sql", "001", "v1.2"},
    };
    for (const auto &expected : cases) {
        const source found = read_one(expected.path);
        EXPECT_EQ(found.version, expected.version) << expected.path;
        EXPECT_EQ(found.name, expected.name) << expected.path;
        EXPECT_EQ(found.up_file, expected.path);
    }
}

TEST(plain_layout, reads_all_three_scripts) {
    const auto read = read_folder(
        {{"1_a.up.sql", "SELECT 1"}, {"1_a.down.sql", "SELECT 2"}, {"1_a.verify.sql", "SELECT 3"}},
        "auto");
    ASSERT_EQ(read.size(), 1u);
    EXPECT_EQ(read[0].up, "SELECT 1");
    EXPECT_EQ(read[0].down, "SELECT 2");
    EXPECT_EQ(read[0].verify, "SELECT 3");
    EXPECT_EQ(read[0].down_file, "1_a.down.sql");
    EXPECT_EQ(read[0].verify_file, "1_a.verify.sql");
    EXPECT_TRUE(read[0].transactional);
    EXPECT_FALSE(read[0].repeatable);
}

TEST(plain_layout, joins_a_backward_script_to_a_file_without_up) {
    EXPECT_EQ(read_folder({{"1.sql", "SELECT 1"}, {"1.down.sql", "SELECT 2"}}, "auto")[0].down,
              "SELECT 2");
}

TEST(plain_layout, refuses_what_has_no_version) {
    for (const char *path : {"users.sql", "v1.sql", "001users.sql", "_1.sql", ".1.sql",
                             "1..2_a.sql", "1._a.sql", "-1.sql", "1.a.sql"})
        EXPECT_THROW(read_one(path), failure) << path;
    EXPECT_EQ(message_of_refusal({{"001.sql", "SELECT 1"}, {"users.sql", "SELECT 1"}}),
              "file \"users.sql\" is no migration of layout \"plain\"");
}

TEST(plain_layout, refuses_a_verify_script_alone) {
    EXPECT_EQ(message_of_refusal({{"1.sql", "SELECT 1"}, {"2.verify.sql", "SELECT 1"}}),
              "file \"2.verify.sql\" has no forward script beside it");
}

TEST(golang_migrate_layout, is_recognised_by_numbers_and_directions) {
    EXPECT_EQ(recognised_as({{"1_a.down.sql", "x"}, {"1_a.up.sql", "x"}}), "golang-migrate");
    EXPECT_EQ(recognised_as({{"1_a.up.sql", "x"}, {"1_a.verify.sql", "x"}}), "plain");
    EXPECT_EQ(recognised_as({{"1.2_a.up.sql", "x"}}), "plain");
}

TEST(golang_migrate_layout, refuses_other_names) {
    EXPECT_EQ(message_of_refusal({{"1_a.up.sql", "x"}, {"seed.sql", "x"}}, "golang-migrate"),
              "file \"seed.sql\" is no migration of layout \"golang-migrate\"");
}

TEST(golang_migrate_layout, pairs_versions_that_are_equal_as_numbers) {
    EXPECT_EQ(
        read_folder({{"0001_a.up.sql", "SELECT 1"}, {"1_a.down.sql", "SELECT 2"}}, "auto")[0].down,
        "SELECT 2");
}

TEST(sqlx_layout, reads_simple_and_paired_files) {
    const auto read = read_folder({{"20240101000000_a.sql", "SELECT 1"},
                                   {"20240102000000_b.up.sql", "SELECT 1"},
                                   {"20240102000000_b.down.sql", "SELECT 2"}},
                                  "sqlx");
    EXPECT_EQ(versions_of(read), (versions{"20240101000000", "20240102000000"}));
    EXPECT_FALSE(read[0].down);
    EXPECT_EQ(read[1].down, "SELECT 2");
}

TEST(sqlx_layout, reads_no_transaction_from_the_first_line_only) {
    const auto read = read_folder(
        {{"1_a.sql", "-- no-transaction\nSELECT 1"}, {"2_b.sql", "SELECT 1;\n-- no-transaction"}},
        "auto");
    EXPECT_FALSE(read[0].transactional);
    EXPECT_TRUE(read[1].transactional);
}

TEST(pop_layout, is_recognised_by_a_database_or_autocommit) {
    EXPECT_EQ(recognised_as({{"1_a.postgres.up.sql", "x"}}), "pop");
    EXPECT_EQ(recognised_as({{"1_a.mysql.down.sql", "x"}, {"1_a.up.sql", "x"}}), "pop");
    EXPECT_EQ(recognised_as({{"1_a.autocommit.up.sql", "x"}}), "pop");
    EXPECT_EQ(recognised_as({{"1_a.up.sql", "x"}}), "golang-migrate");
}

TEST(pop_layout, prefers_postgres_for_each_direction_and_leaves_others_out) {
    const auto read = read_folder({{"1_a.up.sql", "generic"},
                                   {"1_a.down.sql", "generic down"},
                                   {"1_a.postgres.up.sql", "postgres"},
                                   {"1_a.mysql.up.sql", "mysql"},
                                   {"1_a.sqlite3.down.sql", "sqlite"},
                                   {"2_b.postgresql.up.sql", "postgresql"},
                                   {"3_c.cockroach.up.sql", "cockroach"},
                                   {"3_c.cockroach.down.sql", "cockroach"},
                                   {"4_d.up.sql", "all"}},
                                  "auto");
    ASSERT_EQ(versions_of(read), (versions{"1", "2", "4"}));
    EXPECT_EQ(read[0].name, "a");
    EXPECT_EQ(read[0].up, "postgres");
    EXPECT_EQ(read[0].up_file, "1_a.postgres.up.sql");
    EXPECT_EQ(read[0].down, "generic down");
    EXPECT_EQ(read[1].up, "postgresql");
    EXPECT_EQ(read[2].up, "all");
}

TEST(pop_layout, reads_autocommit_as_no_transaction) {
    const auto read = read_folder({{"1_a.postgres.autocommit.up.sql", "SELECT 1"},
                                   {"1_a.postgres.autocommit.down.sql", "SELECT 2"},
                                   {"2_b.autocommit.up.sql", "SELECT 1"},
                                   {"3_c.up.sql", "SELECT 1"}},
                                  "auto");
    EXPECT_FALSE(read[0].transactional);
    EXPECT_EQ(read[0].down, "SELECT 2");
    EXPECT_FALSE(read[1].transactional);
    EXPECT_TRUE(read[2].transactional);
}

TEST(pop_layout, accepts_an_empty_file_only_where_the_version_names_a_database) {
    const auto read = read_folder({{"1_a.postgres.up.sql", ""},
                                   {"1_a.mysql.up.sql", "SELECT 1"},
                                   {"2_b.up.sql", ""},
                                   {"2_b.cockroach.up.sql", "SELECT 1"},
                                   {"3_c.up.sql", "SELECT 1"}},
                                  "auto");
    EXPECT_EQ(versions_of(read), (versions{"1", "2", "3"}));
    EXPECT_EQ(read[0].up, "");
    EXPECT_EQ(message_of_refusal({{"1_a.postgres.up.sql", "SELECT 1"}, {"2_b.up.sql", ""}}),
              "file \"2_b.up.sql\" is empty");
}

TEST(pop_layout, leaves_out_the_schema_dump_and_refuses_other_names) {
    EXPECT_EQ(versions_of(read_folder({{"1_a.postgres.up.sql", "x"}, {"schema.sql", "x"}}, "auto")),
              versions{"1"});
    EXPECT_EQ(message_of_refusal({{"1_a.postgres.up.sql", "x"}, {"2_b.oracle.up.sql", "x"}}),
              "file \"2_b.oracle.up.sql\" is no migration of layout \"pop\"");
    EXPECT_THROW(read_folder({{"1_a.postgres.up.sql", "x"}, {"2_b.sql", "x"}}, "auto"), failure);
}

TEST(pop_layout, refuses_two_files_for_postgres) {
    EXPECT_EQ(message_of_refusal({{"1_a.postgres.up.sql", "x"}, {"1_a.postgresql.up.sql", "x"}}),
              "files \"1_a.postgres.up.sql\" and \"1_a.postgresql.up.sql\" have one version");
}

} // namespace
} // namespace confiture::migration
