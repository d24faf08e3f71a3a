#pragma once
/* Rows of a catalog, as plain values. */
#include "pg/boundary.hpp"
#include "pg/cached_relation.hpp"

extern "C" {
#include "access/genam.h"
#include "utils/fmgroids.h"
}

namespace confiture::pg {

struct catalog_key {
    AttrNumber column;
    Oid value;
};

/* pick(tuple, row) fills a row and says whether it counts.  It is called inside call(): it must own
 * nothing.  Without an index the whole catalog is read. */
template <typename Row, typename Pick>
std::vector<Row> catalog_rows(Oid catalog, Oid index, std::initializer_list<catalog_key> wanted,
                              Pick &&pick) {
    static_assert(std::is_trivially_copyable_v<Row>);
    ScanKeyData keys[3];
    int count = 0;
    for (const catalog_key &key : wanted)
        call([&] {
            ScanKeyInit(&keys[count], key.column, BTEqualStrategyNumber, F_OIDEQ,
                        ObjectIdGetDatum(key.value));
            count++;
        });
    List *const found = call([&]() -> List * {
        List *rows = NIL;
        Relation opened = table_open(catalog, AccessShareLock);
        SysScanDesc scan =
            systable_beginscan(opened, index, OidIsValid(index), nullptr, count, keys);
        while (HeapTuple tuple = systable_getnext(scan)) {
            auto *row = static_cast<Row *>(palloc0(sizeof(Row)));
            if (pick(tuple, *row))
                rows = lappend(rows, row);
        }
        systable_endscan(scan);
        table_close(opened, AccessShareLock);
        return rows;
    });
    std::vector<Row> rows;
    rows.reserve(static_cast<std::size_t>(list_length(found)));
    ListCell *cell;
    foreach (cell, found)
        rows.push_back(*static_cast<Row *>(lfirst(cell)));
    return rows;
}

} // namespace confiture::pg
