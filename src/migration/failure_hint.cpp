#include "migration/failure_hint.hpp"

#include "pg/settings.hpp"

#include <algorithm>
#include <iterator>

namespace confiture::migration {

namespace {

std::string literal(const std::string &text) {
    std::string quoted = "'";
    for (const char byte : text)
        quoted += byte == '\'' ? std::string("''") : std::string(1, byte);
    return quoted + "'";
}

std::string settled_by_hand(const failure_scene &scene, const char *verdict) {
    return "SELECT confiture.repair(" + literal(scene.version) + ", '" + verdict + "')";
}

std::string already_there(const failure_record &, const failure_scene &scene) {
    if (scene.version.empty() || !scene.forward)
        return "";
    return "Where the database has all of this migration already, " +
           settled_by_hand(scene, "applied") +
           " says so; where it has those before it too, SELECT confiture.baseline(" +
           literal(scene.version) + ").";
}

/* Names with a schema are looked for nowhere else. */
bool is_qualified(const std::string &message) {
    const std::size_t begins = message.find('"'), ends = message.find('"', begins + 1);
    return begins != std::string::npos && ends != std::string::npos &&
           message.substr(begins, ends - begins).find('.') != std::string::npos;
}

std::string not_there(const failure_record &failed, const failure_scene &scene) {
    std::string hint;
    if (!is_qualified(failed.message))
        hint = "Names without a schema are looked for in search_path, which is " +
               (pg::setting("search_path").empty() ? "empty" : pg::setting("search_path")) + ".";
    if (!scene.version.empty() && !scene.forward)
        hint += (hint.empty() ? "" : " ") + std::string("Where all of it is undone already, ") +
                settled_by_hand(scene, "reverted") + " says so.";
    return hint;
}

std::string unsafe_enum(const failure_record &, const failure_scene &) {
    return "Write COMMIT after the ALTER TYPE: it ends a step. Or use the value in the next "
           "migration.";
}

std::string depended_on(const failure_record &, const failure_scene &) {
    return "Or drop what DETAIL names before it, and create it again after it if it is needed.";
}

/* "rule _RETURN on view s.v depends on column "a"", and its like of triggers and policies. */
std::string used_column(const failure_record &failed, const failure_scene &scene) {
    if (scene.command != "ALTER TABLE" || failed.detail.empty())
        return "";
    const std::string before = " view ", after = " depends on ";
    const std::size_t begins = failed.detail.find(before), ends = failed.detail.find(after);
    const std::string what =
        begins != std::string::npos && ends != std::string::npos && begins < ends
            ? failed.detail.substr(begins + 1, ends - begins - 1)
            : "what DETAIL names";
    return "Drop " + what + " before it and create it again after it, in the same script.";
}

std::string null_values(const failure_record &, const failure_scene &scene) {
    return scene.command == "ALTER TABLE"
               ? "Give the rows a value first, by a DEFAULT or an UPDATE; CALL "
                 "confiture.backfill() does it in batches."
               : "";
}

std::string violated_constraint(const failure_record &, const failure_scene &scene) {
    return scene.command == "ALTER TABLE"
               ? "Change the rows first, or add the constraint NOT VALID now and VALIDATE it in a "
                 "later migration."
               : "";
}

std::string duplicates(const failure_record &, const failure_scene &scene) {
    return scene.command == "ALTER TABLE" || scene.command == "CREATE INDEX"
               ? "Take away the duplicates first."
               : "";
}

std::string forbidden(const failure_record &, const failure_scene &scene) {
    return "It ran as role \"" + scene.role +
           "\": grant it the right, or migrate as a role that has it.";
}

struct hint_for {
    const char *sqlstate;
    std::string (*hint)(const failure_record &, const failure_scene &);
};

constexpr hint_for hints[] = {
    {"42P04", already_there},       // duplicate_database
    {"42P06", already_there},       // duplicate_schema
    {"42P07", already_there},       // duplicate_table, and every relation
    {"42701", already_there},       // duplicate_column
    {"42710", already_there},       // duplicate_object
    {"42723", already_there},       // duplicate_function
    {"42P01", not_there},           // undefined_table
    {"42704", not_there},           // undefined_object
    {"42883", not_there},           // undefined_function
    {"55P04", unsafe_enum},         // unsafe_new_enum_value_usage
    {"2BP01", depended_on},         // dependent_objects_still_exist
    {"0A000", used_column},         // feature_not_supported
    {"23502", null_values},         // not_null_violation
    {"23503", violated_constraint}, // foreign_key_violation
    {"23514", violated_constraint}, // check_violation
    {"23505", duplicates},          // unique_violation
    {"42501", forbidden},           // insufficient_privilege
};

} // namespace

void add_hint(failure_record &failed, const failure_scene &scene) {
    const auto *known = std::find_if(std::begin(hints), std::end(hints), [&](const hint_for &one) {
        return failed.sqlstate == one.sqlstate;
    });
    const std::string more = known == std::end(hints) ? "" : known->hint(failed, scene);
    if (!more.empty())
        failed.hint += (failed.hint.empty() ? "" : " ") + more;
}

} // namespace confiture::migration
