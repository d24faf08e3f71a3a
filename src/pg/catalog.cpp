#include "pg/catalog.hpp"

#include "pg/boundary.hpp"
#include "pg/cached_relation.hpp"
#include "pg/classify.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "utils/fmgroids.h"
#include "utils/regproc.h"
#include "utils/varlena.h"
}

namespace confiture::pg {

static_assert(first_user_oid == FirstNormalObjectId);

std::optional<relation_name> name_of_relation(oid relation) {
    struct found {
        char *name;
        char kind;
        bool temporary;
    };
    const found entry = call([&]() -> found {
        HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
        if (!HeapTupleIsValid(tuple))
            return {nullptr, 0, false};
        auto *row = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
        char *schema = get_namespace_name_or_temp(row->relnamespace);
        found result{quote_qualified_identifier(schema, NameStr(row->relname)), row->relkind,
                     row->relpersistence == RELPERSISTENCE_TEMP};
        ReleaseSysCache(tuple);
        return result;
    });
    if (!entry.name)
        return std::nullopt;
    relation_name name{entry.name, entry.kind, entry.temporary};
    pfree(entry.name);
    return name;
}

template <typename F> static auto ask_relation(oid relation, F &&question) {
    using answer_type = decltype(question(Relation{}));
    struct found {
        answer_type answer;
        bool there;
    };
    const found entry = call([&]() -> found {
        Relation opened = open_cached(relation);
        if (!opened)
            return {{}, false};
        const found result{question(opened), true};
        RelationClose(opened);
        return result;
    });
    return entry.there ? std::optional(entry.answer) : std::nullopt;
}

std::optional<oid> file_of_relation(oid relation) {
    return ask_relation(relation, [](Relation opened) { return opened->rd_rel->relfilenode; });
}

std::optional<std::int64_t> bytes_of_relation(oid relation) {
    return ask_relation(relation, [](Relation opened) -> std::int64_t {
        return RELKIND_HAS_STORAGE(opened->rd_rel->relkind)
                   ? static_cast<std::int64_t>(RelationGetNumberOfBlocks(opened)) * BLCKSZ
                   : 0;
    });
}

std::optional<constraint_state> state_of_constraint(oid constraint) {
    struct found {
        constraint_state state;
        bool there;
    };
    const found entry = call([&]() -> found {
        HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
        if (!HeapTupleIsValid(tuple))
            return {{}, false};
        auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
        const found result{{row->conrelid, row->convalidated,
                            row->contype == 'c' || row->contype == 'f' || row->contype == 'n',
                            row->contype == 'f'},
                           true};
        ReleaseSysCache(tuple);
        return result;
    });
    return entry.there ? std::optional(entry.state) : std::nullopt;
}

relation_activity activity_of(oid relation) {
    return call([&]() -> relation_activity {
        PgStat_TableStatus *status = find_tabstat_entry(relation);
        relation_activity activity;
        if (!status)
            return activity;
#if PG_VERSION_NUM >= 160000
        activity.scans = status->counts.numscans;
        activity.tuples_read = status->counts.tuples_returned;
        // From 16 the entry is a copy that already holds what open subtransactions wrote.
        activity.inserted = status->counts.tuples_inserted;
        activity.updated = status->counts.tuples_updated;
        activity.deleted = status->counts.tuples_deleted;
        pfree(status);
#else
        activity.scans = status->t_counts.t_numscans;
        activity.tuples_read = status->t_counts.t_tuples_returned;
        activity.inserted = status->t_counts.t_tuples_inserted;
        activity.updated = status->t_counts.t_tuples_updated;
        activity.deleted = status->t_counts.t_tuples_deleted;
        for (PgStat_TableXactStatus *open = status->trans; open; open = open->upper) {
            activity.inserted += open->tuples_inserted;
            activity.updated += open->tuples_updated;
            activity.deleted += open->tuples_deleted;
        }
#endif
        return activity;
    });
}

#if PG_VERSION_NUM < 140000
/* getObjectDescription() of 13 raises for what is gone. */
static bool object_is_there(const ObjectAddress &address) {
    if (address.classId == RelationRelationId && address.objectSubId != 0 &&
        !SearchSysCacheExists2(ATTNUM, ObjectIdGetDatum(address.objectId),
                               Int16GetDatum(address.objectSubId)))
        return false;
    Relation catalog = table_open(address.classId, AccessShareLock);
    const bool there = get_catalog_object_by_oid(catalog, get_object_attnum_oid(address.classId),
                                                 address.objectId) != nullptr;
    table_close(catalog, AccessShareLock);
    return there;
}
#endif

std::optional<std::string> describe(oid class_id, oid object_id, std::int32_t sub_id) {
    const ObjectAddress address{class_id, object_id, sub_id};
    char *text = call([&]() -> char * {
        if (!is_objectclass_supported(class_id)) // pg_inherits, pg_enum …: it raises for these
            return nullptr;
#if PG_VERSION_NUM >= 140000
        return getObjectDescription(&address, true);
#else
        return object_is_there(address) ? getObjectDescription(&address) : nullptr;
#endif
    });
    if (!text)
        return std::nullopt;
    std::string description(text);
    pfree(text);
    return description;
}

bool is_accompanying_type(oid type) {
    return call([&] {
        if (OidIsValid(get_element_type(type)))
            return true;
        const Oid relation = get_typ_typrelid(type);
        return OidIsValid(relation) && get_rel_relkind(relation) != RELKIND_COMPOSITE_TYPE;
    });
}

oid table_of_index(oid index) {
    return call([&] { return IndexGetRelation(index, true); });
}

std::vector<oid> indexes_of(oid table) {
    const auto list = ask_relation(table, [](Relation opened) -> List * {
        return opened->rd_rel->relhasindex ? RelationGetIndexList(opened) : NIL;
    });
    return plain_list(list.value_or(nullptr));
}

std::vector<oid> partitions_of(oid relation) {
    return plain_list(call([&] {
        return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation))
                   ? find_all_inheritors(relation, NoLock, nullptr)
                   : NIL; // gone, or not visible yet
    }));
}

std::string unqualified_name(oid relation) {
    const char *name = call([&] { return get_rel_name(relation); });
    return name ? name : "";
}

oid find_relation(const std::string &name) {
    return call([&] {
        RangeVar *parts = makeRangeVarFromNameList(stringToQualifiedNameList(name.c_str()
#if PG_VERSION_NUM >= 160000
                                                                                 ,
                                                                             nullptr
#endif
                                                                             ));
        return RangeVarGetRelid(parts, NoLock, true);
    });
}

static oid extension_column(int column) {
    return call([&]() -> Oid {
        Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
        ScanKeyData key;
        ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
                    CStringGetDatum("confiture"));
        SysScanDesc scan =
            systable_beginscan(catalog, ExtensionNameIndexId, true, nullptr, 1, &key);
        HeapTuple tuple = systable_getnext(scan);
        Oid found = InvalidOid;
        if (HeapTupleIsValid(tuple)) {
            auto *row = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple));
            found = column == Anum_pg_extension_extowner ? row->extowner : row->extnamespace;
        }
        systable_endscan(scan);
        table_close(catalog, AccessShareLock);
        return found;
    });
}

oid extension_owner() {
    const oid owner = extension_column(Anum_pg_extension_extowner);
    return owner ? owner : static_cast<oid>(GetUserId());
}

oid owner_to_act_as(oid relation) {
    return call([&] {
        Relation opened = try_relation_open(relation, AccessShareLock);
        if (!opened)
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                            errmsg("relation with OID %u does not exist", relation)));
        const Oid owner = opened->rd_rel->relowner;
        relation_close(opened, NoLock);
        return has_privs_of_role(GetUserId(), owner) ? owner : GetUserId();
    });
}

std::optional<std::string> extension_being_created() {
    if (!creating_extension)
        return std::nullopt;
    const char *name = call([] { return get_extension_name(CurrentExtensionObject); });
    return name ? std::optional<std::string>(name) : std::nullopt;
}

bool extension_is_there(const std::string &name) {
    return call([&] { return OidIsValid(get_extension_oid(name.c_str(), true)); });
}

oid extension_schema() { return extension_column(Anum_pg_extension_extnamespace); }
oid schema_of_relation(oid relation) {
    return call([&] { return get_rel_namespace(relation); });
}
oid current_database() { return MyDatabaseId; }

std::string database_identity() {
    return std::to_string(GetSystemIdentifier()) + "/" + std::to_string(MyDatabaseId);
}

} // namespace confiture::pg
