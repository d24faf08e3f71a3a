/*
 * confiture_hook.h: hooks of confiture in C or C++, named by library and symbol.
 *
 *     #include "postgres.h"
 *     #include "fmgr.h"
 *     #include "extension/confiture/confiture_hook.h"
 *
 *     PG_MODULE_MAGIC;
 *
 *     CONFITURE_HOOK(count_orders);
 *     void
 *     count_orders(const ConfitureHookContext *context, ConfitureHookResult *result)
 *     {
 *         result->has_rows_affected = true;
 *         result->rows_affected = 42;
 *     }
 *
 * and, in the install script of the extension:
 *
 *     SELECT confiture.register_hook_library('my_ext:count_orders', 'AFTER_DDL',
 *                                            'MODULE_PATHNAME', 'count_orders');
 *
 * Nothing of confiture is linked: this header is all that a library needs.  docs/hooks-in-c.md tells
 * the rest; in short:
 *
 * Transaction  A hook runs in the backend of the role that runs the migration, with its rights and
 *              its search_path, in a subtransaction of its own.  It does not end that one; those
 *              that it begins it also ends.  Settings that it changes are put back.
 * SPI          There is an active snapshot and no SPI connection: SPI_connect(), SPI_finish().
 * Memory       CurrentMemoryContext is emptied when the next hook begins.  What a hook keeps for
 *              longer, it allocates elsewhere.
 * Errors       ereport(ERROR) makes the hook fail: what it wrote is undone, and its SQLSTATE,
 *              message, detail, hint, context and object names are told.  A std::exception that a
 *              C++ hook lets out does the same with SQLSTATE 38000 and what(), but unwinding must
 *              not cross frames of PostgreSQL, nor may ereport(ERROR) skip a destructor.
 * Sleeping     ConfitureHookSleep(): signals of the server end other sleeps early.
 * Interrupts   Whatever takes long calls CHECK_FOR_INTERRUPTS(): the hook's timeout, a cancel and
 *              statement_timeout come in there.  They are not to be caught.
 * Threads      The server has one.  A thread that a hook starts calls nothing of PostgreSQL and
 *              has ended when the hook returns.
 */
#ifndef CONFITURE_HOOK_H
#define CONFITURE_HOOK_H

#ifndef POSTGRES_H
#error "include postgres.h before confiture_hook.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#include "miscadmin.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* Goes up with every change of what follows: a server runs no hook of a version that it does not
 * know. */
#define CONFITURE_HOOK_API_VERSION 1

/* What a hook is given: the members of the SQL type confiture.hook_context.  All of it is valid
 * until the hook returns; the strings are in the encoding of the database. */
typedef struct ConfitureHookContext {
    const char *migration_version; /* NULL for a script that is not registered */
    const char *migration_name;    /* never NULL */
    const char *direction;         /* "forward" or "backward" */
    const char *phase;             /* "AFTER_DDL", as in confiture.hook_phase */
    bool dry_run;                  /* everything is going to be rolled back */
    int64 rows_affected;           /* inserted, updated and deleted by the migration so far; -1
                                      where that is not known */
    double execution_time_ms;      /* of the migration so far */
    Jsonb *config;                 /* an object, {} if the hook has none; never NULL */
    Jsonb *stats;                  /* an object: what confiture.set_stat() shared; never NULL */
    Jsonb *error;                  /* an object: the first error of the run; NULL for none */
} ConfitureHookContext;

/* What a hook tells.  It comes zeroed, and a hook that tells nothing leaves it so. */
typedef struct ConfitureHookResult {
    bool has_rows_affected; /* false: rows_affected is null in confiture.hook_result */
    int64 rows_affected;
    Jsonb *stats; /* of any kind; NULL for none.  It must outlive the hook: SPI_finish() frees what
                     was allocated after SPI_connect(), other than by SPI_palloc(). */
} ConfitureHookResult;

/* Neither pointer is ever NULL. */
typedef void (*ConfitureHookFunction)(const ConfitureHookContext *context,
                                      ConfitureHookResult *result);

/* Says which version of this header a hook was compiled with. */
typedef int (*ConfitureHookVersionFunction)(void);

/* Sleeps for so long, and ends with a cancel as everything does.  pg_usleep() and its like return
 * with the first signal that the backend gets: of its timers, lock_timeout for one, and of the watch
 * of a dry run, every 10 ms. */
static inline void ConfitureHookSleep(long milliseconds) {
    TimestampTz until = GetCurrentTimestamp() + (TimestampTz)milliseconds * 1000;
    for (;;) {
        TimestampTz now = GetCurrentTimestamp();
        CHECK_FOR_INTERRUPTS();
        if (now >= until)
            return;
        pg_usleep(until - now < 1000000 ? (long)(until - now) : 1000000L);
    }
}

#ifdef __cplusplus
}
#define CONFITURE_HOOK_LINKAGE extern "C"
#else
#define CONFITURE_HOOK_LINKAGE extern
#endif

/* Declares a hook and exports it from the library; with a semicolon, at file level, before the
 * function itself.  In C++ it may stand in a namespace: the symbol is the bare name. */
#define CONFITURE_HOOK(symbol)                                                                     \
    CONFITURE_HOOK_LINKAGE PGDLLEXPORT int symbol##_confiture_hook_version(void);                  \
    int symbol##_confiture_hook_version(void) { return CONFITURE_HOOK_API_VERSION; }               \
    CONFITURE_HOOK_LINKAGE PGDLLEXPORT void symbol(const ConfitureHookContext *context,            \
                                                   ConfitureHookResult *result)

#endif
