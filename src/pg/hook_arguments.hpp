#pragma once
/* The signatures of the hooks in each PostgreSQL version. */
#include "pg/postgres.hpp"

/* ExecutorRun() lost execute_once in 18. */
#if PG_VERSION_NUM >= 180000
#define CONFITURE_EXECUTE_ONCE_PARAMETER
#define CONFITURE_EXECUTE_ONCE_ARGUMENT
#else
#define CONFITURE_EXECUTE_ONCE_PARAMETER , bool execute_once
#define CONFITURE_EXECUTE_ONCE_ARGUMENT , execute_once
#endif

/* ProcessUtility() learned readOnlyTree in 14. */
#if PG_VERSION_NUM >= 140000
#define CONFITURE_UTILITY_PARAMETERS                                                               \
    PlannedStmt *planned, const char *source, bool read_only_tree, ProcessUtilityContext context,  \
        ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *receiver,           \
        QueryCompletion *completion
#define CONFITURE_UTILITY_ARGUMENTS                                                                \
    planned, source, read_only_tree, context, parameters, environment, receiver, completion
#else
#define CONFITURE_UTILITY_PARAMETERS                                                               \
    PlannedStmt *planned, const char *source, ProcessUtilityContext context,                       \
        ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *receiver,           \
        QueryCompletion *completion
#define CONFITURE_UTILITY_ARGUMENTS                                                                \
    planned, source, context, parameters, environment, receiver, completion
#endif

/* ExecutorCheckPerms_hook was given the permission infos apart in 16. */
#if PG_VERSION_NUM >= 160000
#define CONFITURE_PERMISSION_PARAMETERS                                                            \
    List *range_table, List *permissions, bool raise_on_violation
#define CONFITURE_PERMISSION_ARGUMENTS range_table, permissions, raise_on_violation
#else
#define CONFITURE_PERMISSION_PARAMETERS List *range_table, bool raise_on_violation
#define CONFITURE_PERMISSION_ARGUMENTS range_table, raise_on_violation
#endif
