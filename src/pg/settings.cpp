#include "pg/settings.hpp"

#include "pg/boundary.hpp"

extern "C" {
#include "utils/guc_tables.h"
}

namespace confiture::pg {

static int migrator_wait_ms = 60 * 1000;
static int hook_timeout_ms = 300 * 1000;
static int lock_timeout_ms = 2 * 1000;
static int lock_retry_count = 10;
static int retry_work_limit_ms = 5 * 1000;
static int blockers_are = static_cast<int>(blocker_policy::off);
static int blocker_grace_ms = 10 * 1000;
static int concurrent_timeout_ms = 24 * 60 * 60 * 1000;
static int max_wait_caused_ms = 0;
static int max_lock_hold_ms = 0;
static bool not_dry_run_is_told = false;
static int out_of_order_is = 0; // refuse
static const config_enum_entry blocker_policies[] = {
    {"off", static_cast<int>(blocker_policy::off), false},
    {"cancel", static_cast<int>(blocker_policy::cancel), false},
    {"terminate", static_cast<int>(blocker_policy::terminate), false},
    {nullptr, 0, false}};
static const config_enum_entry order_policies[] = {
    {"refuse", 0, false}, {"warn", 1, false}, {nullptr, 0, false}};
static int level_of_log = LOG_SERVER_ONLY;
static const config_enum_entry log_levels[] = {
    {"off", 0, false},         {"log", LOG_SERVER_ONLY, false},
    {"debug1", DEBUG1, false}, {"debug2", DEBUG2, false},
    {"debug3", DEBUG3, false}, {"debug4", DEBUG4, false},
    {"debug5", DEBUG5, false}, {nullptr, 0, false}};

settings_scope::settings_scope() : level_(NewGUCNestLevel()) {}

/* An ERROR leaves the level to the rollback of its subtransaction (AtEOSubXact_GUC()): ending it
 * twice would end somebody else's. */
settings_scope::~settings_scope() {
    if (std::uncaught_exceptions() == 0)
        AtEOXact_GUC(false, level_);
}

void settings_scope::set(const char *name, const char *value) {
    call([&] {
        set_config_option(name, value, superuser() ? PGC_SUSET : PGC_USERSET, PGC_S_SESSION,
                          GUC_ACTION_SAVE, true, 0, false);
    });
}

void settings_scope::commit() {
    AtEOXact_GUC(true, level_);
    level_ = NewGUCNestLevel();
}

std::string setting(const char *name) {
    const char *value = call([&] { return GetConfigOption(name, true, false); });
    return value ? value : "";
}

void set_for_session(const char *name, const char *value) {
    call([&] {
        set_config_option(name, value, superuser() ? PGC_SUSET : PGC_USERSET, PGC_S_SESSION,
                          GUC_ACTION_SET, true, 0, false);
    });
}

bool parse_milliseconds(const std::string &text, int &milliseconds) {
    return call([&] { return parse_int(text.c_str(), &milliseconds, GUC_UNIT_MS, nullptr); });
}

int statement_timeout() { return StatementTimeout; }
int lock_timeout_in_force() { return LockTimeout; }

int migrator_wait() { return migrator_wait_ms; }
int hook_timeout() { return hook_timeout_ms; }
int log_level() { return level_of_log; }
int lock_timeout() { return lock_timeout_ms; }
int lock_retries() { return lock_retry_count; }
int retry_work_limit() { return retry_work_limit_ms; }
blocker_policy terminate_blockers() { return static_cast<blocker_policy>(blockers_are); }
int blocker_grace() { return blocker_grace_ms; }
int concurrent_timeout() { return concurrent_timeout_ms; }
int max_wait_caused() { return max_wait_caused_ms; }
int max_lock_hold() { return max_lock_hold_ms; }
bool warns_not_dry_run() { return not_dry_run_is_told; }
bool refuses_out_of_order() { return out_of_order_is == 0; }

static void define_settings_of_apply() {
    DefineCustomIntVariable(
        "confiture.lock_timeout", "How long a step of a migration waits for a lock at a time.",
        "What waits behind it is blocked meanwhile; 0 is no limit.", &lock_timeout_ms, 2 * 1000, 0,
        INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("confiture.lock_retries",
                            "How often a step is begun again after it did not get a lock.",
                            "It holds nothing in the pauses between.", &lock_retry_count, 10, 0,
                            INT_MAX, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("confiture.retry_work_limit",
                            "A step is begun again only where less work than this preceded the "
                            "wait for the lock.",
                            nullptr, &retry_work_limit_ms, 5 * 1000, 0, INT_MAX, PGC_USERSET,
                            GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable("confiture.terminate_blockers",
                             "What becomes of sessions that keep a step from its lock.",
                             "After confiture.blocker_grace their query is cancelled, or they are "
                             "terminated.",
                             &blockers_are, static_cast<int>(blocker_policy::off), blocker_policies,
                             PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("confiture.blocker_grace",
                            "How long a session may keep a step from its lock before "
                            "confiture.terminate_blockers holds for it.",
                            nullptr, &blocker_grace_ms, 10 * 1000, 0, INT_MAX, PGC_USERSET,
                            GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("confiture.concurrent_timeout",
                            "How long a statement that cannot run in a transaction may take.",
                            "CREATE INDEX CONCURRENTLY for one; 0 is no limit.",
                            &concurrent_timeout_ms, 24 * 60 * 60 * 1000, 0, INT_MAX, PGC_USERSET,
                            GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "confiture.max_wait_caused", "How long another session may wait for a lock of a migration.",
        "Then the step is stopped and rolled back; 0 is no limit.", &max_wait_caused_ms, 0, 0,
        INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("confiture.max_lock_hold",
                            "How long a step may hold a lock that blocks writers.",
                            "Then it is stopped and rolled back; 0 is no limit.", &max_lock_hold_ms,
                            0, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("confiture.warn_not_dry_run",
                             "Whether a migration is warned of that was not dry-run in this "
                             "session.",
                             "One whose last dry run in this session did not succeed is always "
                             "warned of.",
                             &not_dry_run_is_told, false, PGC_USERSET, 0, nullptr, nullptr,
                             nullptr);
    DefineCustomEnumVariable("confiture.out_of_order",
                             "Whether migrations are applied past one that is out of order, has "
                             "changed since it was applied, or is missing.",
                             nullptr, &out_of_order_is, 0, order_policies, PGC_USERSET, 0, nullptr,
                             nullptr, nullptr);
}

void define_settings() {
    define_settings_of_apply();
    DefineCustomIntVariable("confiture.migrator_wait",
                            "How long a migrator waits for another one of the same database.",
                            "A dry run counts as one.", &migrator_wait_ms, 60 * 1000, 0, INT_MAX,
                            PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("confiture.hook_timeout", "How long a hook may run.",
                            "Holds for hooks that have no timeout of their own; 0 is no limit.",
                            &hook_timeout_ms, 300 * 1000, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS,
                            nullptr, nullptr, nullptr);
    DefineCustomEnumVariable(
        "confiture.log_level", "The level of the line of JSON that every run of a hook writes.",
        "Lines of level log go to the server log alone, those of a debug level to clients that ask "
        "too.",
        &level_of_log, LOG_SERVER_ONLY, log_levels, PGC_SUSET, 0, nullptr, nullptr, nullptr);
#if PG_VERSION_NUM >= 150000
    MarkGUCPrefixReserved("confiture");
#else
    EmitWarningsOnPlaceholders("confiture");
#endif
}

} // namespace confiture::pg
