/* What the tool of a layout would fill in before it runs a script: refused wherever it stands. */
#include "folder_fixture.hpp"

namespace confiture::migration {
namespace {

TEST(placeholders, of_flyway_are_refused_wherever_they_stand) {
    for (const char *content :
         {"SELECT ${a};", "SELECT '${a}';", "SELECT \"${a}\";", "SELECT $$ ${a} $$;", "-- ${a}\nx;",
          "/* ${a} */ x;", "SELECT '${flyway:defaultSchema}';", "SELECT '${A b}';", "SELECT '${';",
          "SELECT $x$${a}$x$;"})
        for (const char *path : {"V1__a.sql", "R__a.sql", "sub/V1__a.sql"})
            for (const char *layout_name : {"auto", "flyway"})
                EXPECT_TRUE(message_of_refusal({{path, content}}, layout_name)
                                .starts_with("placeholder \"${"))
                    << content;
    EXPECT_EQ(message_of_refusal({{"V1__a.sql", "x"}, {"U1__a.sql", "x;\n\xC3\xA9 '${name}'"}}),
              "placeholder \"${name}\" in \"U1__a.sql\", line 2, column 4");
    EXPECT_EQ(refusal_of({{"V1__a.sql", "${a}"}}).state, "MG005");
}

TEST(placeholders, are_refused_in_the_names_of_flyway_that_refinery_has) {
    EXPECT_EQ(message_of_refusal({{"V1__a.sql", "x '${a}'"}}, "refinery"),
              "placeholder \"${a}\" in \"V1__a.sql\", line 1, column 4");
}

TEST(placeholders, are_content_where_nobody_fills_them_in) {
    for (const auto &[path, layout_name] : {std::pair{"1_a.sql", "plain"},
                                            {"1_a.up.sql", "golang-migrate"},
                                            {"1_a.sql", "sqlx"},
                                            {"1_a/up.sql", "diesel"},
                                            {"1_a/migration.sql", "prisma"}})
        EXPECT_EQ(read_folder({{path, "SELECT '${a} {{a}} :A';"}}, layout_name).size(), 1U);
    EXPECT_EQ(read_folder({{"1_a.sql", "-- migrate:up\nSELECT '${a}';"}}, "auto").size(), 1U);
    EXPECT_EQ(read_folder({{"1_a.sql", "-- +goose Up\nSELECT '${a}';"}}, "auto").size(), 1U);
    EXPECT_EQ(read_folder({{"V1__a.sql", "SELECT '$ {a} $1 {b}', '${a}'"},
                           {"V1__a.sql.conf", "placeholderReplacement=false\n"}},
                          "auto")
                  .size(),
              1U);
}

TEST(flyway_settings, that_are_not_read_are_refused) {
    const auto refusal = [](const char *settings) {
        return message_of_refusal({{"V1__a.sql", "x"}, {"V1__a.sql.conf", settings}});
    };
    EXPECT_EQ(refusal("shouldExecute=false"), "file \"V1__a.sql\" is not to be run");
    EXPECT_EQ(refusal("# x\nshouldExecute=${x}"),
              "invalid value for \"shouldExecute\" in \"V1__a.sql.conf\", line 2: \"${x}\"");
    EXPECT_EQ(refusal("encoding=ISO-8859-1"),
              "encoding \"ISO-8859-1\" in \"V1__a.sql.conf\", line 1");
    EXPECT_EQ(refusal("placeholders.a=b"),
              "unknown setting \"placeholders.a\" in \"V1__a.sql.conf\", line 1");
    EXPECT_EQ(read_folder({{"V1__a.sql", "x"},
                           {"V1__a.sql.conf", "#\nencoding=UTF-8\nshouldExecute=true\n"}},
                          "auto")
                  .size(),
              1U);
}

std::vector<file> sqitch_folder(const char *deploy, const char *revert = "x") {
    return {{"sqitch.plan", "%project=shop\n\na 2024-01-31T12:00:00Z A B <a@b> # a\n"},
            {"deploy/a.sql", deploy},
            {"revert/a.sql", revert}};
}

TEST(variables, of_psql_are_refused_in_a_sqitch_folder) {
    for (const char *content :
         {"SELECT :name;", "SELECT :'name';", "SELECT :\"name\";", "SELECT :{?name};",
          "CREATE TABLE :schema.t ();", "SELECT a[1:n];", "SELECT 'it''s' || :'x';"}) {
        EXPECT_TRUE(message_of_refusal(sqitch_folder(content)).starts_with("variable \":"))
            << content;
        EXPECT_TRUE(message_of_refusal(sqitch_folder("x", content)).starts_with("variable \":"))
            << content;
    }
    EXPECT_EQ(message_of_refusal(sqitch_folder("x;\nDROP TABLE :\"t\";")),
              "variable \":\"t\"\" in \"deploy/a.sql\", line 2, column 12");
    for (const char *content :
         {"SELECT ':name';", "SELECT a::text;", "SELECT $$ :name $$;", "-- :name\nx;",
          "/* :name */ x;", "SELECT \":name\";", "SELECT f(a := 1);", "SELECT a[1:2];",
          "SELECT E'\\' :name';", "SELECT '12:30'::time;"})
        EXPECT_EQ(read_folder(sqitch_folder(content), "auto").size(), 1U) << content;
}

TEST(placeholders, of_graphile_migrate_are_refused_wherever_they_stand) {
    const auto folder = [](const char *content) {
        return std::vector<file>{{"committed/000001.sql", content}};
    };
    for (const char *content :
         {"GRANT x TO :DATABASE_OWNER;", "SELECT ':DATABASE_NAME';", "SELECT $$ :DATABASE_NAME $$;",
          "SELECT \":APP_ROLE\";", "-- :APP_ROLE\nx;"})
        EXPECT_TRUE(message_of_refusal(folder(content)).starts_with("placeholder \":")) << content;
    for (const char *content : {"SELECT to_char(now(), 'HH24:MI:SS');", "SELECT a::TEXT;",
                                "SELECT ':name';", "SELECT ':A'"})
        EXPECT_EQ(read_folder(folder(content), "auto").size(), 1U) << content;
}

TEST(templates, of_pop_are_refused) {
    EXPECT_EQ(message_of_refusal({{"1_a.postgres.up.sql", "SELECT {{ .x }};"}}),
              "template \"{{ .x }}\" in \"1_a.postgres.up.sql\", line 1, column 8");
    EXPECT_EQ(
        read_folder({{"1_a.postgres.up.sql", "x"}, {"1_a.mysql.up.sql", "{{ x }}"}}, "auto").size(),
        1U);
}

} // namespace
} // namespace confiture::migration
