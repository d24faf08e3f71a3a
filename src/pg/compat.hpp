#pragma once
/*
 * What one version of the server has under another name or with other parameters, under one name
 * for all.  For the border alone.  Where a version does something in another way, that stands where
 * it is done.
 */
#include "pg/postgres.hpp"

extern "C" {
#include "catalog/pg_publication.h"
#include "utils/guc_tables.h"
}

namespace confiture::pg::compat {

/* CLUSTER.  From 19 on it is a kind of REPACK. */
#if PG_VERSION_NUM >= 190000
using cluster_statement = RepackStmt;
inline constexpr NodeTag cluster_tag = T_RepackStmt;
inline RangeVar *table_of(const RepackStmt *statement) {
    return statement->relation ? statement->relation->relation : nullptr;
}
inline List *options_of(const RepackStmt *statement) { return statement->params; }
inline bool needs_clustered(const RepackStmt *statement) {
    return statement->command == REPACK_COMMAND_CLUSTER || statement->usingindex;
}
#else
using cluster_statement = ClusterStmt;
inline constexpr NodeTag cluster_tag = T_ClusterStmt;
inline RangeVar *table_of(const ClusterStmt *statement) { return statement->relation; }
inline List *options_of(const ClusterStmt *) { return NIL; }
inline bool needs_clustered(const ClusterStmt *) { return true; }
#endif

/* From 19 on the setting is always on. */
#if PG_VERSION_NUM >= 190000
inline bool standard_strings() { return true; }
inline void set_standard_strings(bool) {}
#else
inline bool standard_strings() { return standard_conforming_strings; }
inline void set_standard_strings(bool on) { standard_conforming_strings = on; }
#endif

/* log_min_messages of this process. */
#if PG_VERSION_NUM >= 190000
inline int log_threshold() { return log_min_messages[MyBackendType]; }
inline constexpr auto refresh_publication = ALTER_SUBSCRIPTION_REFRESH_PUBLICATION;
#else
inline int log_threshold() { return log_min_messages; }
#if PG_VERSION_NUM >= 140000
inline constexpr auto refresh_publication = ALTER_SUBSCRIPTION_REFRESH;
#endif
#endif

/* The variables of settings. */
#if PG_VERSION_NUM >= 190000
inline bool *bool_of(config_generic *setting) { return setting->_bool.variable; }
inline int *int_of(config_generic *setting) { return setting->_int.variable; }
inline double *real_of(config_generic *setting) { return setting->_real.variable; }
inline char **string_of(config_generic *setting) { return setting->_string.variable; }
inline int *enum_of(config_generic *setting) { return setting->_enum.variable; }
inline const char *enum_name(config_generic *setting, int value) {
    return config_enum_lookup_by_value(setting, value);
}
#else
inline bool *bool_of(config_generic *setting) {
    return reinterpret_cast<config_bool *>(setting)->variable;
}
inline int *int_of(config_generic *setting) {
    return reinterpret_cast<config_int *>(setting)->variable;
}
inline double *real_of(config_generic *setting) {
    return reinterpret_cast<config_real *>(setting)->variable;
}
inline char **string_of(config_generic *setting) {
    return reinterpret_cast<config_string *>(setting)->variable;
}
inline int *enum_of(config_generic *setting) {
    return reinterpret_cast<config_enum *>(setting)->variable;
}
inline const char *enum_name(config_generic *setting, int value) {
    return config_enum_lookup_by_value(reinterpret_cast<config_enum *>(setting), value);
}
#endif

/* The functions and operators of a name, whatever their arguments. */
inline FuncCandidateList functions_named(List *name) {
#if PG_VERSION_NUM >= 190000
    int flags = 0;
    return FuncnameGetCandidates(name, -1, NIL, false, false, false, true, &flags);
#elif PG_VERSION_NUM >= 140000
    return FuncnameGetCandidates(name, -1, NIL, false, false, false, true);
#else
    return FuncnameGetCandidates(name, -1, NIL, false, false, true);
#endif
}
inline FuncCandidateList operators_named(List *name) {
#if PG_VERSION_NUM >= 190000
    int flags = 0;
    return OpernameGetCandidates(name, '\0', true, &flags);
#else
    return OpernameGetCandidates(name, '\0', true);
#endif
}

/* Those that a publication names. */
inline List *tables_of_publication(Oid publication) {
#if PG_VERSION_NUM >= 190000
    return GetIncludedPublicationRelations(publication, PUBLICATION_PART_ROOT);
#else
    return GetPublicationRelations(publication, PUBLICATION_PART_ROOT);
#endif
}

#if PG_VERSION_NUM >= 190000
using cache_identifier = SysCacheIdentifier;
#else
using cache_identifier = int;
#endif

} // namespace confiture::pg::compat
