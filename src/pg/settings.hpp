#pragma once
/* PostgreSQL's settings: ours, and others' for the length of a scope. */
#include "pg/plain.hpp"

#include <string>

namespace confiture::pg {

/* Settings changed inside, by anybody, are restored when it ends; after an ERROR the rollback of
 * the subtransaction around it does so. */
class settings_scope {
public:
    settings_scope();
    settings_scope(const settings_scope &) = delete;
    settings_scope &operator=(const settings_scope &) = delete;
    ~settings_scope();

    /* Throws pg::error for a value that the setting does not take. */
    void set(const char *name, const char *value);
    /* As COMMIT does: SET LOCAL ends, SET goes on in the scope around. */
    void commit();

private:
    int level_;
};

std::string setting(const char *name);
/* As SET does; null: as RESET does.  Throws pg::error. */
void set_for_session(const char *name, const char *value);

/* statement_timeout and lock_timeout in milliseconds, as they stand now; 0 for none. */
int statement_timeout();
int lock_timeout_in_force();

/* Reads '2s', '500ms', '1min' or '500' as the server reads a setting in milliseconds. */
bool parse_milliseconds(const std::string &text, int &milliseconds);

/* confiture.migrator_wait in milliseconds. */
int migrator_wait();

/* confiture.hook_timeout in milliseconds; 0 for none. */
int hook_timeout();

/* confiture.lock_timeout in milliseconds; 0 for none. */
int lock_timeout();
/* confiture.lock_retries */
int lock_retries();
/* confiture.retry_work_limit in milliseconds. */
int retry_work_limit();

/* confiture.terminate_blockers, and confiture.blocker_grace in milliseconds. */
enum class blocker_policy { off, cancel, terminate };
blocker_policy terminate_blockers();
int blocker_grace();

/* confiture.concurrent_timeout in milliseconds; 0 for none. */
int concurrent_timeout();

/* confiture.max_wait_caused and confiture.max_lock_hold in milliseconds; 0 for no limit. */
int max_wait_caused();
int max_lock_hold();

/* confiture.warn_not_dry_run */
bool warns_not_dry_run();

/* confiture.out_of_order: are migrations that come too late or have changed refused? */
bool refuses_out_of_order();

/* confiture.log_level as elog's level; 0 for off. */
int log_level();

/* Called by _PG_init. */
void define_settings();

} // namespace confiture::pg
