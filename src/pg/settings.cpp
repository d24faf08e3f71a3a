#include "pg/settings.hpp"

#include "pg/boundary.hpp"

namespace confiture::pg {

static int migrator_wait_ms = 60 * 1000;

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

void define_settings() {
    DefineCustomIntVariable("confiture.migrator_wait",
                            "How long a migrator waits for another one of the same database.",
                            "A dry run counts as one.", &migrator_wait_ms, 60 * 1000, 0, INT_MAX,
                            PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
#if PG_VERSION_NUM >= 150000
    MarkGUCPrefixReserved("confiture");
#else
    EmitWarningsOnPlaceholders("confiture");
#endif
}

} // namespace confiture::pg
