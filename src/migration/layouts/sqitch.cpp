/*
 * Sqitch: sqitch.plan with the scripts deploy/<change>.sql, revert/<change>.sql and
 * verify/<change>.sql.  Changes have names and no versions, so a change's version is its place in
 * the plan ('0007'), which sorts as the plan does; the name is the migration's name and no part of
 * the version.  A plan that is edited in its middle thus shows as changed checksums, where versions
 * with names in them would make applied changes look new and run again.
 */
#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/layouts/sqitch_plan.hpp"
#include "migration/layouts/variables.hpp"

#include <algorithm>
#include <set>

namespace confiture::migration::readers {

namespace {

constexpr std::string_view plan_path = "sqitch.plan";
constexpr std::string_view script_folders[] = {"deploy/", "revert/", "verify/"};

const file *find(const std::vector<file> &files, std::string_view path) {
    const auto found = std::lower_bound(
        files.begin(), files.end(), path,
        [](const file &left, std::string_view right) { return left.path < right; });
    return found != files.end() && found->path == path ? &*found : nullptr;
}

bool recognises(const std::vector<file> &files) { return find(files, plan_path) != nullptr; }

std::string version_at(std::size_t position) {
    const std::string number = std::to_string(position + 1);
    return std::string(number.size() < 4 ? 4 - number.size() : 0, '0') + number;
}

class reader {
public:
    explicit reader(const std::vector<file> &files, const file &plan) : files(files), plan(plan) {}

    std::vector<source> read() {
        const std::vector<sqitch_change> changes = read_sqitch_plan(plan);
        std::vector<source> migrations;
        for (std::size_t position = 0; position < changes.size(); ++position)
            migrations.push_back(read_change(changes[position], position));
        refuse_unplanned();
        return migrations;
    }

private:
    source read_change(const sqitch_change &change, std::size_t position) {
        source migration;
        migration.version = version_at(position);
        migration.name = change.name;
        for (const std::size_t required : change.requires_changes)
            migration.depends.push_back(version_at(required));

        const file *deploy = take_script("deploy/", change);
        if (!deploy)
            refuse("change " + quoted(change.name) + " in " + quoted(plan.path) + ", line " +
                       std::to_string(change.line) + ", has no deploy script",
                   "There is no file " + quoted(script_path("deploy/", change, 0)) + ".");
        migration.up = forward_script(*deploy);
        migration.up_file = deploy->path;
        if (const file *revert = take_script("revert/", change))
            set_down(migration, *revert);
        if (const file *verify = take_script("verify/", change))
            set_verify(migration, *verify);
        return migration;
    }

    static std::string script_path(std::string_view folder, const sqitch_change &change,
                                   std::size_t rework_tag) {
        std::string path(folder);
        path += change.name;
        if (rework_tag < change.rework_tags.size())
            path += "@" + change.rework_tags[rework_tag];
        return path + ".sql";
    }

    /* `sqitch rework` names the scripts of the earlier change after the last tag before it, but
     * plans are edited: like Sqitch, take the first tag that has a file. */
    const file *take_script(std::string_view folder, const sqitch_change &change) {
        const std::size_t choices = std::max<std::size_t>(change.rework_tags.size(), 1);
        for (std::size_t choice = 0; choice < choices; ++choice)
            if (const file *script = find(files, script_path(folder, change, choice))) {
                placed.insert(script->path);
                refuse_psql_variables(*script);
                return script;
            }
        return nullptr;
    }

    void refuse_unplanned() const {
        for (const file &candidate : files)
            for (const std::string_view folder : script_folders)
                if (candidate.path.starts_with(folder) && is_script(candidate.path) &&
                    placed.count(candidate.path) == 0)
                    refuse("file " + quoted(candidate.path) + " belongs to no change in " +
                               quoted(plan.path),
                           {}, "Add its change to the plan or remove the file.");
    }

    const std::vector<file> &files; // sorted by path
    const file &plan;
    std::set<std::string_view> placed; // scripts of changes
};

std::vector<source> read(const std::vector<file> &files) {
    const file *plan = find(files, plan_path);
    if (!plan)
        refuse("folder has no file \"sqitch.plan\"");
    return reader(files, *plan).read();
}

} // namespace

const layout sqitch{"sqitch", "sqitch.plan with deploy/, revert/ and verify/<change>.sql",
                    recognises, read};

} // namespace confiture::migration::readers
