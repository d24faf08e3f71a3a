#include "migration/failure_record.hpp"

#include <utility>

namespace confiture::migration {

failure_record failure_of(const pg::error &raised) {
    failure_record failed;
    failed.sqlstate = raised.sqlstate();
    failed.message = raised.what();
    failed.detail = raised.detail();
    failed.hint = raised.hint();
    failed.context = raised.context();
    failed.schema = raised.schema();
    failed.table = raised.table();
    failed.column_name = raised.column();
    failed.data_type = raised.data_type();
    failed.constraint = raised.constraint();
    return failed;
}

failure_record failure_in(const pg::script &script, const pg::statement &where,
                          const pg::error &raised) {
    constexpr std::size_t most_characters = 200;
    failure_record failed = failure_of(raised);
    failed.sql = pg::first_characters(script.text_of(where), most_characters);
    failed.line = where.line;
    failed.column = where.column;
    // Inside a function it counts in the text of a statement there.
    const std::string inner = raised.internal_query();
    if (raised.position() > 0 && (inner.empty() || inner == script.text_of(where))) {
        const pg::place place = pg::place_of(
            script.text, static_cast<std::size_t>(where.offset) +
                             pg::offset_of_character(script.text_of(where), raised.position()));
        failed.line = place.line;
        failed.column = place.column;
    }
    return failed;
}

failure_record failure_of(const failure &raised) {
    failure_record failed;
    failed.sqlstate = raised.state.code;
    failed.message = raised.message;
    failed.detail = raised.detail;
    failed.hint = raised.hint;
    return failed;
}

void failure_record::write(json_writer &json) const {
    constexpr std::size_t longest = 4000;
    json.begin_object();
    const std::pair<const char *, const std::string *> texts[] = {{"sqlstate", &sqlstate},
                                                                  {"message", &message},
                                                                  {"detail", &detail},
                                                                  {"hint", &hint},
                                                                  {"context", &context},
                                                                  {"schema", &schema},
                                                                  {"table", &table},
                                                                  {"column_name", &column_name},
                                                                  {"data_type", &data_type},
                                                                  {"constraint", &constraint},
                                                                  {"sql", &sql},
                                                                  {"file", &file},
                                                                  {"hook", &hook},
                                                                  {"phase", &phase}};
    for (const auto &[name, text] : texts)
        if (!text->empty())
            json.member(name, shorten(*text, longest));
    json.member("statement", statement);
    json.member("line", line);
    json.member("column", column);
    json.member("violating_rows", violating_rows);
    json.end_object();
}

} // namespace confiture::migration
