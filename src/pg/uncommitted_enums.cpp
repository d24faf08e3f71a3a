#include "pg/uncommitted_enums.hpp"

#include "pg/boundary.hpp"
#include "pg/cached_relation.hpp"
#include "pg/query.hpp"

#include <algorithm>

extern "C" {
#include "access/genam.h"
#include "catalog/pg_enum.h"
}

namespace confiture::pg {

namespace {

/* Types that hold the given ones, and the indexes on them: whatever is stored there, and what is
 * hashed or split of a column.  What an expression makes of one is a value of another type. */
constexpr const char *indexes_of = R"(
WITH RECURSIVE holds (of, type) AS (
    SELECT typelem, oid FROM pg_type WHERE typelem <> 0
    UNION ALL SELECT typbasetype, oid FROM pg_type WHERE typbasetype <> 0
    UNION ALL SELECT rngsubtype, rngtypid FROM pg_range
    UNION ALL SELECT rngtypid, (to_jsonb(r) ->> 'rngmultitypid')::oid FROM pg_range r
    UNION ALL SELECT a.atttypid, c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
              WHERE c.reltype <> 0 AND a.attnum > 0 AND NOT a.attisdropped
), reached (type) AS (
    SELECT unnest($1::oid[])
    UNION
    SELECT holds.type FROM reached JOIN holds ON holds.of = reached.type WHERE holds.type IS NOT NULL
), columns AS (
    SELECT attrelid, attnum FROM pg_attribute WHERE attnum > 0 AND atttypid IN (SELECT type FROM reached)
)
SELECT i.indexrelid FROM pg_index i JOIN columns c ON c.attrelid = i.indexrelid
UNION
SELECT i.indexrelid FROM pg_index i JOIN columns c ON c.attrelid = i.indrelid AND c.attnum = ANY (i.indkey::smallint[]))";

bool is_uncommitted(Oid value) {
#if PG_VERSION_NUM >= 140000
    return EnumUncommitted(value);
#else
    return EnumBlacklisted(value);
#endif
}

/* Tells every row of pg_enum; `take` must not throw. */
template <typename F> void for_each_value(F &&take) {
    call([&] {
        Relation relation = table_open(EnumRelationId, AccessShareLock);
        SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
        for (HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row);
             row = systable_getnext(scan))
            take(row);
        systable_endscan(scan);
        table_close(relation, AccessShareLock);
    });
}

const FormData_pg_enum &form_of(HeapTuple row) {
    return *reinterpret_cast<const FormData_pg_enum *>(GETSTRUCT(row));
}

bool has_changed_enums() {
    if (!TransactionIdIsValid(GetTopTransactionIdIfAny()))
        return false;
    bool changed = false;
    for_each_value([&](HeapTuple row) {
        changed =
            changed || TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data));
    });
    return changed;
}

/* An index goes with the rollback of the subtransaction in which it was made.  Those that are
 * released leave theirs to the one around them (AtEOSubXact_RelationCache()). */
bool was_made_since(Oid index, SubTransactionId subtransaction) {
    return call([&] {
        Relation relation = open_cached(index);
        if (!RelationIsValid(relation))
            return true; // dropped meanwhile
        const SubTransactionId made = relation->rd_createSubid;
        RelationClose(relation);
        return made != InvalidSubTransactionId && made >= subtransaction;
    });
}

} // namespace

uncommitted_enums::uncommitted_enums()
    : began_in_(GetCurrentSubTransactionId()), of_caller_(has_changed_enums()) {}

std::vector<std::string> uncommitted_enums::take_for_committed() const {
    std::vector<Oid> types(1024);
    std::vector<NameData> names(1024);
    std::size_t count = 0;
    for_each_value([&](HeapTuple row) { // a few more than there is room for are a lot
        if (!is_uncommitted(form_of(row).oid))
            return;
        if (count < types.size()) {
            types[count] = form_of(row).enumtypid;
            names[count] = form_of(row).enumlabel;
        }
        count++;
    });
    if (count == 0)
        return {};
    std::vector<std::string> labels;
    std::string list;
    for (std::size_t i = 0; i < std::min(count, types.size()); i++) {
        labels.emplace_back(NameStr(names[i]));
        list += (list.empty() ? "{" : ",") + std::to_string(types[i]);
    }
    if (of_caller_ || count > types.size())
        return labels;
    for (const record &row : query(indexes_of, {list + "}"}))
        if (!was_made_since(static_cast<Oid>(std::stoul(*row[0])), began_in_))
            return labels;
    AtEOXact_Enum();
    return {};
}

} // namespace confiture::pg
