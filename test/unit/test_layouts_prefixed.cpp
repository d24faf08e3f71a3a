/* Layouts with a letter before the version: Flyway and refinery. */
#include "folder_fixture.hpp"

namespace confiture::migration {
namespace {

TEST(flyway_layout, reads_forward_backward_and_repeatable_scripts) {
    const auto read = read_folder({{"R__views.sql", "SELECT 4"},
                                   {"R__functions.sql", "SELECT 5"},
                                   {"V2__orders.sql", "SELECT 3"},
                                   {"V1__users_and_more.sql", "SELECT 1"},
                                   {"U1__users.sql", "SELECT 2"}},
                                  "auto");
    ASSERT_EQ(versions_of(read), (versions{"1", "2", "R__functions", "R__views"}));
    EXPECT_EQ(read[0].name, "users_and_more");
    EXPECT_EQ(read[0].down, "SELECT 2");
    EXPECT_EQ(read[0].down_file, "U1__users.sql");
    EXPECT_FALSE(read[1].repeatable);
    EXPECT_TRUE(read[2].repeatable);
    EXPECT_EQ(read[3].name, "views");
}

TEST(flyway_layout, reads_dots_and_underscores_as_the_same_version) {
    EXPECT_EQ(versions_of(read_folder(
                  {{"V1_10__a.sql", "x"}, {"V1.9__b.sql", "x"}, {"V1.sql", "x"}}, "auto")),
              (versions{"1", "1.9", "1.10"}));
    EXPECT_EQ(message_of_refusal({{"V1_1__a.sql", "x"}, {"V1.1__b.sql", "x"}}),
              "files \"V1.1__b.sql\" and \"V1_1__a.sql\" have one version");
}

TEST(flyway_layout, reads_folders_below) {
    EXPECT_EQ(versions_of(read_folder({{"2024/V2__b.sql", "x"}, {"2023/V1__a.sql", "x"}}, "auto")),
              (versions{"1", "2"}));
}

TEST(flyway_layout, reads_execute_in_transaction) {
    const auto read = read_folder({{"V1__a.sql", "x"},
                                   {"V1__a.sql.conf", "# why\r\nexecuteInTransaction = false\r\n"},
                                   {"V2__b.sql", "x"},
                                   {"V2__b.sql.conf", "#executeInTransaction=false\n"}},
                                  "auto");
    EXPECT_FALSE(read[0].transactional);
    EXPECT_TRUE(read[1].transactional);
    EXPECT_EQ(
        message_of_refusal({{"V1__a.sql", "x"}, {"V1__a.sql.conf", "\nexecuteInTransaction=no"}}),
        "invalid value for \"executeInTransaction\" in \"V1__a.sql.conf\", line 2: \"no\"");
}

TEST(flyway_layout, refuses_what_it_cannot_place) {
    for (const char *path :
         {"beforeMigrate.sql", "B1__base.sql", "V__a.sql", "V1a__b.sql", "V1.__a.sql", "V1_.sql",
          "R1__a.sql", "R__.sql", "v2__a.sql", "U3.x.sql"})
        EXPECT_EQ(message_of_refusal({{"V1__a.sql", "x"}, {path, "x"}}),
                  "file \"" + std::string(path) + "\" is no migration of layout \"flyway\"");
}

TEST(flyway_layout, refuses_an_undo_script_alone) {
    EXPECT_EQ(message_of_refusal({{"V1__a.sql", "x"}, {"U2__b.sql", "x"}}),
              "file \"U2__b.sql\" has no forward script beside it");
    EXPECT_EQ(message_of_refusal({{"U2__b.sql", "x"}}),
              "file \"U2__b.sql\" has no forward script beside it");
}

TEST(flyway_layout, refuses_two_repeatable_scripts_of_one_name) {
    EXPECT_EQ(message_of_refusal({{"a/R__views.sql", "x"}, {"b/R__views.sql", "x"}}),
              "files \"a/R__views.sql\" and \"b/R__views.sql\" have one version");
}

TEST(refinery_layout, is_recognised_by_rust_beside_the_scripts) {
    EXPECT_EQ(recognised_as({{"V1__a.sql", "x"}, {"mod.rs", ""}}), "refinery");
    EXPECT_EQ(recognised_as({{"V1__a.sql", "x"}}), "flyway");
}

TEST(refinery_layout, reads_unversioned_scripts_as_forward_ones) {
    const auto read =
        read_folder({{"V1__a.sql", "SELECT 1"}, {"U2__b.sql", "SELECT 2"}}, "refinery");
    EXPECT_EQ(versions_of(read), (versions{"1", "2"}));
    EXPECT_EQ(read[1].up, "SELECT 2");
    EXPECT_FALSE(read[1].down);
}

TEST(refinery_layout, refuses_repeatable_scripts_and_one_number_twice) {
    EXPECT_EQ(message_of_refusal({{"V1__a.sql", "x"}, {"R__b.sql", "x"}}, "refinery"),
              "file \"R__b.sql\" is no migration of layout \"refinery\"");
    EXPECT_EQ(message_of_refusal({{"V1__a.sql", "x"}, {"U1__a.sql", "x"}}, "refinery"),
              "files \"U1__a.sql\" and \"V1__a.sql\" have one version");
}

} // namespace
} // namespace confiture::migration
