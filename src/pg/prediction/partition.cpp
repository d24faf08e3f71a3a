/* ATTACH and DETACH PARTITION. */
#include "pg/boundary.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/expressions.hpp"
#include "pg/prediction/predictor.hpp"

extern "C" {
#include "catalog/partition.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "parser/parse_utilcmd.h"
#include "partitioning/partbounds.h"
#include "utils/partcache.h"
}

namespace confiture::pg {

/* Does the server find nothing of a user's where it evaluates the bounds?  Those of the tables
 * above are constants of the types of their keys. */
static bool has_built_in_bounds(Oid parent, Relation above, const PartitionBoundSpec *bound) {
    if (!has_built_in_key(parent))
        return false;
    PartitionKey key = call([&] { return RelationGetPartitionKey(above); });
    for (List *values : {bound->listdatums, bound->lowerdatums, bound->upperdatums}) {
        const bool one_column = values == bound->listdatums;
        int place = 0;
        ListCell *cell;
        foreach (cell, values) {
            auto *value = static_cast<Node *>(lfirst(cell));
            const int column = one_column ? 0 : place++;
            if (IsA(value, ColumnRef)) // MINVALUE and MAXVALUE
                continue;
            if (column >= key->partnatts ||
                !analyse(value, nullptr, EXPR_KIND_PARTITION_BOUND,
                         {key->parttypid[column], key->parttypmod[column]})
                     .built_in)
                return false;
        }
    }
    return true;
}

/* The tables above are opened for their bounds: without waiting. */
static bool lock_to_read(Oid partitioned) {
    for (Oid one = partitioned; OidIsValid(one); one = parent_of(one))
        if (!call([&] { return ConditionalLockRelationOid(one, AccessShareLock); }))
            return false;
    return true;
}

/* As ATExecAttachPartition() and QueuePartitionConstraintValidation(): do the constraints of the
 * table say already that its rows belong there?  Nothing where a user's code would tell. */
static std::optional<bool> rows_fit(Oid parent, Oid table, const PartitionBoundSpec *bound) {
    cached_relation above(parent), below(table);
    if (!above || !below || !has_built_in_bounds(parent, above.get(), bound) ||
        !has_built_in_checks(below.get()) || !lock_to_read(parent))
        return std::nullopt;
    return call([&] {
        Relation whole = above.get(), part = below.get();
        auto *spec = static_cast<PartitionBoundSpec *>(copyObjectImpl(bound));
        spec = transformPartitionBound(make_parsestate(nullptr), whole, spec);
#if PG_VERSION_NUM >= 140000
        List *conditions = get_qual_from_partbound(whole, spec);
#else
        List *conditions = get_qual_from_partbound(part, whole, spec);
#endif
        conditions = list_concat(conditions, RelationGetPartitionQual(whole));
        if (conditions == NIL)
            return true;
        conditions = reinterpret_cast<List *>(
            eval_const_expressions(nullptr, reinterpret_cast<Node *>(conditions)));
        conditions = list_make1(make_ands_explicit(conditions));
        conditions = map_partition_varattnos(conditions, 1, part, whole);
        return PartConstraintImpliedByRelConstraint(part, conditions);
    });
}

/* The default partition loses what the new one takes, and is read for rows that would be there. */
void predictor::default_partition(Oid parent, bool checked) {
    const Oid oid = call([&] { return get_default_partition_oid(parent); });
    consult(oid);
    const effect what{AccessExclusiveLock,
                      {},
                      {checked, likely},
                      certain,
                      checked ? "a CHECK constraint spares the scan of the default partition" : ""};
    if (OidIsValid(oid))
        relation(oid, what);
    if (OidIsValid(oid) && checked)
        inheritors(oid, what);
}

/* The server evaluates them when the partition is made or attached. */
void predictor::bounds(const PartitionBoundSpec *bound) {
    if (!bound)
        return;
    for (List *values : {bound->listdatums, bound->lowerdatums, bound->upperdatums})
        query(reinterpret_cast<Node *>(values), depth::rewritten);
}

void predictor::attach_partition(Oid parent, const PartitionCmd *command, LOCKMODE mode) {
    if (kind_of(parent) == RELKIND_PARTITIONED_INDEX)
        return attach_index(parent, command, mode);
    bounds(command->bound);
    relation(parent, {mode});
    const Oid table = named(command->name, {AccessExclusiveLock});
    if (!OidIsValid(table))
        return;
    inherit_code(parent, table);
    std::vector<Oid> parts = inheritors_of(table);
    parts.push_back(table);
    const auto index_count = [&](Oid oid) {
        cached_relation opened(oid);
        return opened ? list_length(call([&] { return RelationGetIndexList(opened.get()); })) : 0;
    };
    for (Oid one : parts) {
        effect what{AccessExclusiveLock};
        const auto fit = rows_fit(parent, one, command->bound);
        what.scans.expected = !fit.value_or(false);
        if (!fit) {
            what.scans.sure = likely;
            what.reason = "bounds and CHECK constraints that are not built in are not evaluated";
        }
        if (index_count(parent) > index_count(one))
            what.scans = {true, certain}; // what is missing is built
        else if (index_count(parent) > 0 && !what.scans.expected) {
            what.scans = {true, likely};
            what.reason = "indexes that do not match those of the parent are built";
        }
        relation(one, what);
    }
    default_partition(parent, true);
    for (const foreign_key &key : foreign_keys_of(parent)) {
        const effect what{ShareRowExclusiveLock,
                          {},
                          {true, likely},
                          certain,
                          "the foreign key is checked by a query, which may use indexes"};
        with_inheritors(key.referenced, what);
        for (Oid one : parts) {
            relation(one, what);
            keyed_already(one, key.referenced);
        }
        book_.link(script_link::kind::foreign_key, table, key.referenced, key.on_update,
                   key.on_delete);
    }
    for (const foreign_key &key : foreign_keys_to(parent)) {
        lock_referencing(key.table);
        book_.link(script_link::kind::foreign_key, key.table, table, key.on_update, key.on_delete);
    }
    book_.link(script_link::kind::child, parent, table);
}

void predictor::attach_index(Oid parent, const PartitionCmd *command, LOCKMODE mode) {
    relation(parent, {mode});
    relation(table_of_index(parent), {AccessShareLock});
    const Oid index = named(command->name, {AccessExclusiveLock});
    if (OidIsValid(index))
        relation(table_of_index(index), {AccessShareLock});
}

void predictor::detach_partition(Oid parent, const PartitionCmd *command, LOCKMODE mode) {
    const LOCKMODE part_mode =
#if PG_VERSION_NUM >= 140000
        AccessExclusiveLock; // of CONCURRENTLY in its second transaction
#else
        ShareUpdateExclusiveLock;
#endif
    relation(parent, {mode});
    const Oid table = named(command->name, {part_mode});
    inheritors(table, {mode});
#if PG_VERSION_NUM < 140000
    // Its own lock is weak, but nobody can plan a query of it while these are held.
    if (OidIsValid(table) && !book_.is_made(table))
        for (Oid index : pg::indexes_of(table))
            if (call([&] { return get_rel_relispartition(index); }))
                relation(index, {AccessExclusiveLock});
#endif
    default_partition(parent, false);
    for (const foreign_key &key : foreign_keys_of(table)) {
        with_inheritors(key.referenced, {ShareRowExclusiveLock});
        book_.link(script_link::kind::foreign_key, table, key.referenced, key.on_update,
                   key.on_delete);
    }
    for (const foreign_key &key : foreign_keys_to(table)) {
        static const char *const looked_for = "rows that refer to the partition are looked for";
        const effect what{AccessExclusiveLock, {}, {true, likely}, certain, looked_for};
        relation(key.table, what);
        relation(table, {part_mode, {}, {true, likely}, certain, looked_for});
        inheritors(table, {mode, {}, {true, likely}, certain, looked_for});
    }
}

} // namespace confiture::pg
