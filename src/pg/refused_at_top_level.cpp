#include "pg/refused_at_top_level.hpp"

#include "pg/boundary.hpp"
#include "pg/compat.hpp"
#include "pg/prediction/catalog_rows.hpp"

extern "C" {
#include "access/attnum.h"
#include "catalog/catalog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_tablespace.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "commands/vacuum.h"
#include "parser/parse_node.h"
#include "utils/acl.h"
#include "utils/guc.h"
}

namespace confiture::pg {

namespace {

std::string quoted(const char *name) { return std::string("\"") + name + "\""; }

bool is_superuser() {
    return call([] { return superuser(); });
}

void check_owner(Oid catalog, Oid object, ObjectType type, const char *name) {
    if (!owns(catalog, object))
        call([&] { aclcheck_error(ACLCHECK_NOT_OWNER, type, name); });
}

/* As have_createdb_privilege(). */
bool may_create_databases() {
    return call([] {
        if (superuser())
            return true;
        HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
        if (!HeapTupleIsValid(tuple))
            return false;
        const bool may = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcreatedb;
        ReleaseSysCache(tuple);
        return may;
    });
}

/* Whatever it owns. */
bool may_maintain() {
#if PG_VERSION_NUM >= 170000
    return call([] { return has_privs_of_role(GetUserId(), ROLE_PG_MAINTAIN); });
#else
    return false;
#endif
}

/* ExecVacuum() reads the options before it asks for the top level, which it is told it has not. */
void check_vacuum(VacuumStmt *statement) {
    ListCell *cell;
    try {
        call([&] { ExecVacuum(make_parsestate(nullptr), statement, false); });
    } catch (const error &raised) {
        if (raised.sqlstate() != std::string("25001"))
            throw;
    }
    bool analyzes = false, full = false, reads_all_pages = false;
    foreach (cell, statement->options) {
        auto *option = static_cast<DefElem *>(lfirst(cell));
        for (auto [name, chosen] : {std::pair{"analyze", &analyzes}, std::pair{"full", &full},
                                    std::pair{"disable_page_skipping", &reads_all_pages}})
            if (std::strcmp(option->defname, name) == 0)
                *chosen = call([&] { return defGetBoolean(option); });
    }
    if (full && reads_all_pages) // asked by vacuum() itself
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED,
               "VACUUM option DISABLE_PAGE_SKIPPING cannot be used with FULL");
    foreach (cell, statement->rels) {
        auto *named = static_cast<VacuumRelation *>(lfirst(cell));
        const Oid table = call([&] { return RangeVarGetRelid(named->relation, NoLock, false); });
        if (!analyzes || !owns(RelationRelationId, table))
            continue;
        ListCell *column;
        foreach (column, named->va_cols) {
            const char *name = strVal(lfirst(column));
            if (call([&] { return get_attnum(table, name); }) == InvalidAttrNumber)
                refuse(ERRCODE_UNDEFINED_COLUMN,
                       "column " + quoted(name) + " of relation " +
                           quoted(call([&] { return get_rel_name(table); })) + " does not exist");
        }
    }
}

void check_create_database(const CreatedbStmt *statement) {
    if (!may_create_databases())
        refuse(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied to create database");
    ListCell *cell;
    foreach (cell, statement->options) {
        auto *option = static_cast<DefElem *>(lfirst(cell));
        if (!option->arg)
            continue;
        const char *value = call([&] { return defGetString(option); });
        const auto is = [&](const char *name) { return std::strcmp(option->defname, name) == 0; };
        if (is("owner"))
            call([&] { return get_role_oid(value, false); });
        else if (is("tablespace"))
            call([&] { return get_tablespace_oid(value, false); });
        else if (is("encoding") && !IsA(option->arg, Integer) &&
                 pg_valid_server_encoding(value) < 0)
            refuse(ERRCODE_UNDEFINED_OBJECT, std::string(value) + " is not a valid encoding name");
        else if (is("template") && !OidIsValid(call([&] { return get_database_oid(value, true); })))
            refuse(ERRCODE_UNDEFINED_DATABASE,
                   "template database " + quoted(value) + " does not exist");
    }
    if (OidIsValid(call([&] { return get_database_oid(statement->dbname, true); })))
        refuse(ERRCODE_DUPLICATE_DATABASE,
               "database " + quoted(statement->dbname) + " already exists");
}

/* Is it a template? */
bool is_template(Oid database) {
    return call([&] {
        HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
        if (!HeapTupleIsValid(tuple))
            return false;
        const bool found = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->datistemplate;
        ReleaseSysCache(tuple);
        return found;
    });
}

void check_drop_database(const DropdbStmt *statement) {
    const Oid database =
        call([&] { return get_database_oid(statement->dbname, statement->missing_ok); });
    if (!OidIsValid(database))
        return;
    check_owner(DatabaseRelationId, database, OBJECT_DATABASE, statement->dbname);
    if (is_template(database))
        refuse(ERRCODE_WRONG_OBJECT_TYPE, "cannot drop a template database");
    if (database == MyDatabaseId)
        refuse(ERRCODE_OBJECT_IN_USE, "cannot drop the currently open database");
}

void check_move_database(const AlterDatabaseStmt *statement) {
    bool moves = false;
    ListCell *cell;
    foreach (cell, statement->options)
        moves =
            moves || std::strcmp(static_cast<DefElem *>(lfirst(cell))->defname, "tablespace") == 0;
    if (!moves)
        return;
    const Oid database = call([&] { return get_database_oid(statement->dbname, false); });
    check_owner(DatabaseRelationId, database, OBJECT_DATABASE, statement->dbname);
    if (database == MyDatabaseId)
        refuse(ERRCODE_OBJECT_IN_USE,
               "cannot change the tablespace of the currently open database");
}

void check_create_tablespace(const CreateTableSpaceStmt *statement) {
    if (!is_superuser())
        refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
               "permission denied to create tablespace " + quoted(statement->tablespacename),
               "Must be superuser to create a tablespace.");
    if (*statement->location && !is_absolute_path(statement->location))
        refuse(ERRCODE_INVALID_OBJECT_DEFINITION, "tablespace location must be an absolute path");
    if (!allowSystemTableMods && IsReservedName(statement->tablespacename))
        refuse(ERRCODE_RESERVED_NAME,
               "unacceptable tablespace name " + quoted(statement->tablespacename));
    if (OidIsValid(call([&] { return get_tablespace_oid(statement->tablespacename, true); })))
        refuse(ERRCODE_DUPLICATE_OBJECT,
               "tablespace " + quoted(statement->tablespacename) + " already exists");
}

void check_drop_tablespace(const DropTableSpaceStmt *statement) {
    const Oid tablespace =
        call([&] { return get_tablespace_oid(statement->tablespacename, true); });
    if (!OidIsValid(tablespace)) {
        if (!statement->missing_ok)
            refuse(ERRCODE_UNDEFINED_OBJECT,
                   "tablespace " + quoted(statement->tablespacename) + " does not exist");
        return;
    }
    check_owner(TableSpaceRelationId, tablespace, OBJECT_TABLESPACE, statement->tablespacename);
    if (tablespace == GLOBALTABLESPACE_OID || tablespace == DEFAULTTABLESPACE_OID)
        call([&] {
            aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLESPACE, statement->tablespacename);
        });
}

/* Of a partitioned table, as cluster(). */
void check_cluster(const compat::cluster_statement *statement) {
#if PG_VERSION_NUM >= 150000
    RangeVar *named = compat::table_of(statement);
    if (!named)
        return;
    const Oid table = call([&] {
        return RangeVarGetRelidExtended(named, NoLock, 0,
#if PG_VERSION_NUM >= 170000
                                        RangeVarCallbackMaintainsTable,
#else
                                        RangeVarCallbackOwnsTable,
#endif
                                        nullptr);
    });
    const char *name = named->relname;
    if (statement->indexname) {
        if (!OidIsValid(call(
                [&] { return get_relname_relid(statement->indexname, get_rel_namespace(table)); })))
            refuse(ERRCODE_UNDEFINED_OBJECT, "index " + quoted(statement->indexname) +
                                                 " for table " + quoted(name) + " does not exist");
        return;
    }
    if (!compat::needs_clustered(statement))
        return;
    cached_relation opened(table);
    const bool clustered = opened && call([&] {
                               ListCell *cell;
                               foreach (cell, RelationGetIndexList(opened.get()))
                                   if (get_index_isclustered(lfirst_oid(cell)))
                                       return true;
                               return false;
                           });
    if (!clustered)
        refuse(ERRCODE_UNDEFINED_OBJECT,
               "there is no previously clustered index for table " + quoted(name));
#else
    (void)statement;
#endif
}

void check_subscription(const char *name, bool missing_ok) {
    call([&] { return get_subscription_oid(name, missing_ok); });
}

void check_alter_system(const AlterSystemStmt *statement) {
    const char *name = statement->setstmt->name;
#if PG_VERSION_NUM >= 150000
    if (name && !is_superuser() &&
        call([&] { return pg_parameter_aclcheck(name, GetUserId(), ACL_ALTER_SYSTEM); }) !=
            ACLCHECK_OK)
        refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
               "permission denied to set parameter " + quoted(name));
#else
    if (!is_superuser())
        refuse(ERRCODE_INSUFFICIENT_PRIVILEGE, "must be superuser to execute ALTER SYSTEM command");
#endif
    if (name && is_superuser() && !std::strchr(name, '.')) // one of an extension may come yet
        call([&] { return GetConfigOptionByName(name, nullptr, false); });
}

} // namespace

/* As ReindexMultipleTables(). */
void check_reindex_many(const ReindexStmt *statement, bool concurrently) {
    if (concurrently && statement->kind == REINDEX_OBJECT_SYSTEM)
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED, "cannot reindex system catalogs concurrently");
    if (statement->kind == REINDEX_OBJECT_SCHEMA) {
        const Oid schema = call([&] { return get_namespace_oid(statement->name, false); });
        if (!may_maintain())
            check_owner(NamespaceRelationId, schema, OBJECT_SCHEMA, statement->name);
        return;
    }
    const char *database = call([] { return get_database_name(MyDatabaseId); });
    if (statement->name && std::strcmp(statement->name, database) != 0)
        refuse(ERRCODE_FEATURE_NOT_SUPPORTED, "can only reindex the currently open database");
    if (!may_maintain())
        check_owner(DatabaseRelationId, MyDatabaseId, OBJECT_DATABASE, database);
}

void check_at_top_level(Node *node) {
    switch (nodeTag(node)) {
    case T_VacuumStmt:
        if (auto *statement = reinterpret_cast<VacuumStmt *>(node); statement->is_vacuumcmd)
            check_vacuum(statement);
        return;
    case compat::cluster_tag:
        return check_cluster(reinterpret_cast<compat::cluster_statement *>(node));
    case T_CreatedbStmt:
        return check_create_database(reinterpret_cast<CreatedbStmt *>(node));
    case T_DropdbStmt:
        return check_drop_database(reinterpret_cast<DropdbStmt *>(node));
    case T_AlterDatabaseStmt:
        return check_move_database(reinterpret_cast<AlterDatabaseStmt *>(node));
    case T_CreateTableSpaceStmt:
        return check_create_tablespace(reinterpret_cast<CreateTableSpaceStmt *>(node));
    case T_DropTableSpaceStmt:
        return check_drop_tablespace(reinterpret_cast<DropTableSpaceStmt *>(node));
    case T_DropSubscriptionStmt: {
        auto *statement = reinterpret_cast<DropSubscriptionStmt *>(node);
        return check_subscription(statement->subname, statement->missing_ok);
    }
    case T_AlterSubscriptionStmt:
        return check_subscription(reinterpret_cast<AlterSubscriptionStmt *>(node)->subname, false);
    case T_AlterSystemStmt:
        return check_alter_system(reinterpret_cast<AlterSystemStmt *>(node));
    default:
        return;
    }
}

} // namespace confiture::pg
