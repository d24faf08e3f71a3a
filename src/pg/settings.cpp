#include "pg/settings.hpp"

#include "pg/boundary.hpp"

namespace confiture::pg {

static int migrator_wait_ms = 60 * 1000;
static int hook_timeout_ms = 300 * 1000;
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

bool parse_milliseconds(const std::string &text, int &milliseconds) {
    return call([&] { return parse_int(text.c_str(), &milliseconds, GUC_UNIT_MS, nullptr); });
}

int statement_timeout() { return StatementTimeout; }

int migrator_wait() { return migrator_wait_ms; }
int hook_timeout() { return hook_timeout_ms; }
int log_level() { return level_of_log; }

void define_settings() {
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
