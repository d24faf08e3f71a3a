/* Layouts of several folders: diesel, Prisma, Sqitch. */
#include "folder_fixture.hpp"

namespace confiture::migration {
namespace {

TEST(diesel_layout, reads_a_folder_a_migration) {
    const auto read = read_folder({{"00000000000000_diesel_initial_setup/up.sql", "SELECT 1"},
                                   {"2014-09-24-113530_add users/up.sql", "SELECT 2"},
                                   {"2014-09-24-113530_add users/down.sql", "SELECT 3"}},
                                  "auto");
    ASSERT_EQ(versions_of(read), (versions{"00000000000000", "20140924113530"}));
    EXPECT_EQ(read[0].name, "diesel_initial_setup");
    EXPECT_EQ(read[1].name, "add users");
    EXPECT_EQ(read[1].up, "SELECT 2");
    EXPECT_EQ(read[1].down, "SELECT 3");
    EXPECT_EQ(read[1].down_file, "2014-09-24-113530_add users/down.sql");
}

TEST(diesel_layout, keeps_the_order_of_timestamps_with_and_without_a_fraction) {
    EXPECT_EQ(versions_of(read_folder({{"2026-01-20-162913_c/up.sql", "x"},
                                       {"2025-11-19-091444-0001_b/up.sql", "x"},
                                       {"20251119091444_a/up.sql", "x"}},
                                      "auto")),
              (versions{"20251119091444", "20251119091444.0001", "20260120162913"}));
}

TEST(diesel_layout, reads_metadata) {
    const auto read = read_folder({{"1_a/up.sql", "x"},
                                   {"1_a/metadata.toml", "run_in_transaction = false # why\n"},
                                   {"2_b/up.sql", "x"},
                                   {"2_b/metadata.toml", "# run_in_transaction = false\n"}},
                                  "auto");
    EXPECT_FALSE(read[0].transactional);
    EXPECT_TRUE(read[1].transactional);
    EXPECT_EQ(
        message_of_refusal({{"1_a/up.sql", "x"}, {"1_a/metadata.toml", "run_in_transaction=0"}}),
        "invalid value for \"run_in_transaction\" in \"1_a/metadata.toml\", line 1: \"0\"");
}

TEST(diesel_layout, leaves_out_scripts_that_diesel_does_not_look_at) {
    EXPECT_EQ(versions_of(read_folder({{"1_a/up.sql", "x"},
                                       {"backfill_users.sql", "x"},
                                       {"seeds/users.sql", "x"},
                                       {"README.md", "x"},
                                       {"2_notes/why.md", "x"}},
                                      "auto")),
              versions{"1"});
}

TEST(diesel_layout, refuses_scripts_that_look_like_migrations) {
    for (const char *path : {"2_b.sql", "1_a/extra.sql", "old/2_b.sql", "old/2_b/up.sql",
                             "b/up.sql", "up.sql", "1_a/deeper/x.sql"})
        EXPECT_EQ(message_of_refusal({{"1_a/up.sql", "x"}, {path, "x"}}),
                  "file \"" + std::string(path) + "\" is no migration of layout \"diesel\"");
}

TEST(diesel_layout, refuses_folders_without_a_forward_script_or_a_version) {
    EXPECT_EQ(message_of_refusal({{"1_a/up.sql", "x"}, {"2_b/down.sql", "x"}}),
              "folder \"2_b\" has no up.sql");
    EXPECT_EQ(message_of_refusal({{"1a_b/up.sql", "x"}}),
              "folder \"1a_b\" has no version that diesel knows");
}

TEST(diesel_layout, takes_an_empty_backward_script_for_none) {
    EXPECT_FALSE(read_folder({{"1_a/up.sql", "x"}, {"1_a/down.sql", ""}}, "auto")[0].down);
}

TEST(prisma_layout, reads_a_folder_a_migration) {
    const auto read = read_folder({{"migration_lock.toml", "provider = \"postgresql\""},
                                   {"20240101000000_init/migration.sql", "SELECT 2"},
                                   {"0_baseline/migration.sql", "SELECT 1"},
                                   {"20240101000000_init/down.sql", "SELECT 3"}},
                                  "auto");
    ASSERT_EQ(versions_of(read), (versions{"0", "20240101000000"}));
    EXPECT_EQ(read[1].name, "init");
    EXPECT_EQ(read[1].up, "SELECT 2");
    EXPECT_EQ(read[1].down, "SELECT 3");
}

TEST(prisma_layout, refuses_what_it_cannot_place) {
    EXPECT_EQ(message_of_refusal({{"1_a/migration.sql", "x"}, {"init/migration.sql", "x"}}),
              "file \"init/migration.sql\" is no migration of layout \"prisma\"");
    EXPECT_EQ(message_of_refusal({{"1_a/migration.sql", "x"}, {"1_a/other.sql", "x"}}),
              "file \"1_a/other.sql\" is no migration of layout \"prisma\"");
    EXPECT_EQ(message_of_refusal({{"1_a/migration.sql", "x"}, {"2_b/down.sql", "x"}}),
              "folder \"2_b\" has no migration.sql");
    EXPECT_EQ(message_of_refusal({{"1/migration.sql", "x"}}),
              "folder \"1\" has no version that Prisma gives");
}

std::vector<file> sqitch_folder(const char *plan, const std::vector<const char *> &deployed) {
    std::vector<file> files{{"sqitch.plan", plan}, {"sqitch.conf", "[core]"}};
    for (const char *change : deployed)
        files.push_back({"deploy/" + std::string(change) + ".sql", change});
    return files;
}

TEST(sqitch_layout, takes_order_and_dependencies_from_the_plan) {
    auto files =
        sqitch_folder("%syntax-version=1.0.0\n%project=shop\n%uri=http://x.org/\n\n"
                      "schema 2024-01-01T00:00:00Z Ann <a@x.org> # first # of all\n"
                      "# a comment\n"
                      "+users [schema] 2024-01-02T00:00:00Z Ann <a@x.org>\r\n"
                      "@v1 2024-01-02T00:00:00Z Ann <a@x.org>\n"
                      "a/orders [users shop:schema other:thing !rivals @v1] 2024 Ann <a@x>\n",
                      {"schema", "users", "a/orders"});
    files.push_back({"revert/users.sql", "BEGIN; DROP TABLE users; COMMIT;"});
    files.push_back({"verify/users.sql", "SELECT 1"});
    files.push_back({"t/users.sql", "SELECT 1"});
    const auto read = read_folder(files, "auto");
    ASSERT_EQ(versions_of(read), (versions{"0001", "0002", "0003"}));
    EXPECT_EQ(read[0].name, "schema");
    EXPECT_EQ(read[2].name, "a/orders");
    EXPECT_EQ(read[1].depends, versions{"0001"});
    EXPECT_EQ(read[2].depends, (versions{"0002", "0001"}));
    EXPECT_EQ(read[1].down, "BEGIN; DROP TABLE users; COMMIT;");
    EXPECT_EQ(read[1].verify, "SELECT 1");
    EXPECT_EQ(read[1].verify_file, "verify/users.sql");
}

TEST(sqitch_layout, reads_reworked_changes_from_the_files_of_their_tag) {
    const char *plan = "users 1 A <a@x>\n@v1 1 A <a@x>\n@v2 1 A <a@x>\nother 1 A <a@x>\n"
                       "users [users@v1 other] 2 A <a@x>\n@v3 1 A <a@x>\n"
                       "users [users@v3] 3 A <a@x>\nlate [users@v2 users] 4 A <a@x>\n";
    auto files = sqitch_folder(plan, {"users", "users@v1", "users@v3", "other", "late"});
    files.push_back({"revert/users@v3.sql", "revert v3"});
    const auto read = read_folder(files, "auto");
    ASSERT_EQ(versions_of(read), (versions{"0001", "0002", "0003", "0004", "0005"}));
    EXPECT_EQ(read[0].up, "users@v1");
    EXPECT_EQ(read[2].up, "users@v3");
    EXPECT_EQ(read[2].down, "revert v3");
    EXPECT_EQ(read[2].depends, (versions{"0001", "0002"}));
    EXPECT_EQ(read[3].up, "users");
    EXPECT_EQ(read[3].depends, versions{"0003"});
    EXPECT_EQ(read[4].depends, (versions{"0001", "0004"}));
}

TEST(sqitch_layout, sorts_as_the_plan_beyond_ten_thousand_changes) {
    std::string plan;
    std::vector<file> files;
    for (int index = 10001; index > 0; --index) {
        const std::string name = "change" + std::to_string(index);
        plan += name + " 1 A <a@x>\n";
        files.push_back({"deploy/" + name + ".sql", "SELECT 1"});
    }
    files.push_back({"sqitch.plan", plan});
    const auto read = read_folder(files, "auto");
    EXPECT_EQ(read.front().name, "change10001");
    EXPECT_EQ(read.back().name, "change1");
    EXPECT_EQ(read.back().version, "10001");
}

TEST(sqitch_layout, refuses_plans_that_sqitch_could_not_deploy) {
    struct {
        const char *plan, *message;
    } const cases[] = {
        {"a 1 A <a@x>\nb [c] 1 A <a@x>\n",
         "change \"b\" requires \"c\", which does not come before it in \"sqitch.plan\", line 2"},
        {"a [a] 1 A <a@x>\n",
         "change \"a\" requires \"a\", which does not come before it in \"sqitch.plan\", line 1"},
        {"a 1 A <a@x>\nb [a@v9] 1 A <a@x>\n", "change \"b\" requires \"a@v9\", which does not come "
                                              "before it in \"sqitch.plan\", line 2"},
        {"a 1 A <a@x>\nb [!a] 1 A <a@x>\n",
         "change \"b\" conflicts with \"a\", which comes before it in \"sqitch.plan\", line 2"},
        {"a 1 A <a@x>\na [a] 1 A <a@x>\n",
         "second change \"a\" without a tag in between in \"sqitch.plan\", line 2"},
        {"@v1 1 A <a@x>\n", "tag \"v1\" before any change in \"sqitch.plan\", line 1"},
        {"a 1 A <a@x>\n@v1 x\n@v1 x\n", "second tag \"v1\" in \"sqitch.plan\", line 3"},
        {"a [b 1 A <a@x>\n", "list of dependencies without \"]\" in \"sqitch.plan\", line 1"},
        {"-a 1 A <a@x>\n",
         "change that reverts, \"-a\", is not supported in \"sqitch.plan\", line 1"},
        {"c 1 A <a@x>\n", "change \"c\" in \"sqitch.plan\", line 1, has no deploy script"},
        {"a 1 A <a@x>\n", "file \"deploy/b.sql\" belongs to no change in \"sqitch.plan\""},
    };
    for (const auto &expected : cases)
        EXPECT_EQ(message_of_refusal(sqitch_folder(expected.plan, {"a", "b"})), expected.message);
}

TEST(programs_among_scripts, are_the_versioned_ones) {
    EXPECT_EQ(programs_among({{"20240102_b.go", ""},
                              {"20240101_a.go", ""},
                              {"V3__c.rs", ""},
                              {"mod.rs", ""},
                              {"main.go", ""},
                              {"R__views.java", ""},
                              {".git/1_x.py", ""},
                              {"1_x.sql", ""}}),
              (versions{"20240101_a.go", "20240102_b.go", "R__views.java", "V3__c.rs"}));
    EXPECT_TRUE(programs_among({}).empty());
}

} // namespace
} // namespace confiture::migration
