#include "hooks/migration_run.hpp"

#include "pg/jsonb.hpp"
#include "pg/settings.hpp"

#include <algorithm>
#include <utility>

namespace confiture::hooks {

static constinit migration_run *innermost = nullptr;

migration_run::migration_run(std::string version, std::string name, std::string direction,
                             bool dry_run)
    : outer_(innermost), runner_(pg::current_role()), version_(std::move(version)),
      search_path_(pg::setting("search_path")) {
    if (!version_.empty())
        input_.version = version_;
    input_.name = std::move(name);
    input_.direction = std::move(direction);
    input_.dry_run = dry_run || (outer_ && outer_->dry_run());
    owns_stats_ =
        !(outer_ && outer_->version_ == version_ && outer_->input_.direction == input_.direction);
    stats_ = owns_stats_ ? std::make_shared<shared_stats>(pg::transaction_nesting_level() - 1)
                         : outer_->stats_;
    input_.stats = pg::jsonb_image(std::string("{}"));
    innermost = this;
}

migration_run::~migration_run() { innermost = outer_; }

migration_run *migration_run::current() { return innermost; }

void migration_run::progress(std::optional<std::int64_t> rows_affected, double execution_time_ms) {
    input_.rows_affected = rows_affected;
    input_.execution_time_ms = execution_time_ms;
}

void migration_run::failed(const migration::failure_record &error) {
    if (!input_.error.empty())
        return;
    pg::jsonb_builder json;
    migration::failure_record told = error;
    told.sqlstate = error.cause();
    told.write(json);
    input_.error = json.finish_image();
}

const pg::hook_input &migration_run::enter(phase which, const hook &running) {
    running_ = which;
    input_.phase = name_of(which);
    input_.config = running.config;
    return input();
}

void migration_run::leave() {
    running_.reset();
    input_.phase = nullptr;
    input_.config.clear();
}

bool migration_run::is_inside(phase which) const {
    for (const migration_run *run = outer_; run; run = run->outer_)
        if (run->running_ == which && run->version_ == version_ &&
            run->input_.direction == input_.direction)
            return true;
    return false;
}

std::vector<unsigned int> migration_run::runners() const {
    std::vector<unsigned int> runners;
    for (const migration_run *run = this; run; run = run->outer_)
        if (std::find(runners.begin(), runners.end(), run->runner_) == runners.end())
            runners.push_back(run->runner_);
    return runners;
}

const pg::hook_input &migration_run::input() {
    if (stats_revision_ != stats_->revision()) {
        pg::jsonb_builder json;
        json.begin_object();
        for (const auto &[key, image] : stats_->all()) {
            json.key(key);
            json.document(image);
        }
        json.end_object();
        input_.stats = json.finish_image();
        stats_revision_ = stats_->revision();
    }
    return input_;
}

void migration_run::set_stat(const std::string &key, std::string image) {
    stats_->set(pg::transaction_nesting_level(), key, std::move(image));
}

void migration_run::resume(const std::map<std::string, std::string> &stats,
                           std::string search_path) {
    for (const auto &[key, image] : stats)
        set_stat(key, image);
    search_path_ = std::move(search_path);
}

void migration_run::released(int level) noexcept {
    if (owns_stats_)
        stats_->released(level);
}

void migration_run::rolled_back(int level) noexcept {
    if (owns_stats_)
        stats_->rolled_back(level);
}

} // namespace confiture::hooks
