#pragma once
/* One run of a migration as its hooks see it: confiture.current_context(), set_stat(), get_stat().
 */
#include "pg/plain.hpp"

#include "hooks/hook.hpp"
#include "hooks/shared_stats.hpp"
#include "migration/failure_record.hpp"
#include "pg/hook_function.hpp"
#include "pg/transaction.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace confiture::hooks {

/* While it lives, it is the current one of the session; those of nested calls come on top. */
class migration_run final : private pg::savepoint_listener {
public:
    /* `version` is empty for a script that is not registered.  Inside of a run of the same
     * migration the stats are shared; inside of a dry run everything is one. */
    migration_run(std::string version, std::string name, std::string direction, bool dry_run);
    ~migration_run() override;

    /* Null where none is. */
    static migration_run *current();

    const std::string &version() const { return version_; }
    const std::string &direction() const { return input_.direction; }
    bool dry_run() const { return input_.dry_run; }

    /* What the migration has done so far; no rows where they are not known. */
    void progress(std::optional<std::int64_t> rows_affected, double execution_time_ms);
    /* The first error stays. */
    void failed(const migration::failure_record &error);

    /* The input of a hook that runs now in `which`, current until leave(). */
    const pg::hook_input &enter(phase which, const hook &running);
    void leave();

    /* Does this phase of this migration run already, further out?  Then it must not again. */
    bool is_inside(phase which) const;

    /* With the stats as they are now. */
    const pg::hook_input &input();

    void set_stat(const std::string &key, std::string image);
    const std::string *stat(const std::string &key) const { return stats_->get(key); }

    /* What an earlier run of a migration that is resumed had: its stats, by key, and the
     * search_path that it began with. */
    void resume(const std::map<std::string, std::string> &stats, std::string search_path);

    /* The roles that began this run and those around it, the outermost last. */
    std::vector<unsigned int> runners() const;

    /* The runner's own search_path, before any function pinned it. */
    const std::string &search_path() const { return search_path_; }

private:
    void released(int level) noexcept override;
    void rolled_back(int level) noexcept override;

    migration_run *const outer_;
    const unsigned int runner_;
    std::string version_, search_path_;
    pg::hook_input input_;
    std::shared_ptr<shared_stats> stats_;
    bool owns_stats_;
    std::uint64_t stats_revision_ = 0;
    std::optional<phase> running_;
};

} // namespace confiture::hooks
