/*
 * confiture_hook.h: a hook of confiture in C or C++, named by its library and symbol.
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
 *                                            '$libdir/my_ext', 'count_orders');
 *
 * The library is loaded when the hook runs first.  A hook runs in a subtransaction of its own, with
 * an active snapshot and without an SPI connection; it reports a failure with ereport(ERROR), and
 * must answer CHECK_FOR_INTERRUPTS() for its timeout to work.  What it allocates in
 * CurrentMemoryContext lives until the next hook.  A C++ hook lets no exception out.
 */
#ifndef CONFITURE_HOOK_H
#define CONFITURE_HOOK_H

#include "utils/jsonb.h"

/* Goes up when the structs below change in a way that older hooks do not survive. */
#define CONFITURE_HOOK_API_VERSION 1

/* What a hook is given: the members of the SQL type confiture.hook_context.  Valid during the call. */
typedef struct ConfitureHookContext {
    const char *migration_version; /* NULL for a script that is not registered */
    const char *migration_name;
    const char *direction; /* "forward" or "backward" */
    const char *phase;     /* "AFTER_DDL" */
    bool dry_run;          /* everything is going to be rolled back */
    int64 rows_affected;   /* by the migration, so far */
    double execution_time_ms; /* of the migration, so far */
    Jsonb *config;         /* an object */
    Jsonb *stats;          /* an object: what the hooks of this run have shared by set_stat() */
    Jsonb *error;          /* the first error of the run, or NULL */
} ConfitureHookContext;

/* What a hook may tell; it comes zeroed. */
typedef struct ConfitureHookResult {
    bool has_rows_affected;
    int64 rows_affected;
    Jsonb *stats; /* or NULL */
} ConfitureHookResult;

typedef void (*ConfitureHookFunction)(const ConfitureHookContext *context,
                                      ConfitureHookResult *result);

/* Says which version of this header a hook was compiled with. */
typedef int (*ConfitureHookVersionFunction)(void);

#ifdef __cplusplus
#define CONFITURE_HOOK_LINKAGE extern "C"
#else
#define CONFITURE_HOOK_LINKAGE extern
#endif

#define CONFITURE_HOOK(symbol)                                                                     \
    CONFITURE_HOOK_LINKAGE PGDLLEXPORT int symbol##_confiture_hook_version(void);                  \
    int symbol##_confiture_hook_version(void) { return CONFITURE_HOOK_API_VERSION; }               \
    CONFITURE_HOOK_LINKAGE PGDLLEXPORT void symbol(const ConfitureHookContext *context,            \
                                                   ConfitureHookResult *result)

#endif
