/* Relations that the script makes, and what it ties to others: the catalog as the predictor sees
 * it, with the book's part. */
#include "pg/boundary.hpp"
#include "pg/prediction/predictor.hpp"

#include <algorithm>

extern "C" {
#include "catalog/pg_constraint.h"
}

namespace confiture::pg {

using link = script_link::kind;

static const char *const tied_by_the_script =
    "an earlier statement may have made it depend on what this one works on";

char predictor::kind_of(Oid relation) const {
    return book_.is_made(relation) ? book_.kind_of_made(relation) : pg::kind_of(relation);
}

std::vector<Oid> predictor::inheritors_of(Oid parent) {
    consult(parent);
    std::vector<Oid> found{parent};
    for (std::size_t i = 0; i < found.size(); i++) {
        const Oid one = found[i];
        const auto add = [&](Oid child) {
            if (std::find(found.begin(), found.end(), child) == found.end())
                found.push_back(child);
        };
        if (!book_.is_made(one))
            for (Oid child : pg::inheritors_of(one))
                add(child);
        for (const script_link &tie : book_.links())
            if (tie.what == link::child && tie.from == one)
                add(tie.to);
    }
    found.erase(found.begin());
    return found;
}

Oid predictor::parent_of(Oid partition) const {
    for (const script_link &tie : book_.links())
        if (tie.what == link::child && tie.to == partition)
            return tie.from;
    return book_.is_made(partition) ? InvalidOid : pg::parent_of(partition);
}

Oid predictor::table_of_index(Oid index) const {
    for (const script_link &tie : book_.links())
        if (tie.what == link::part_of && tie.from == index)
            return tie.to;
    return book_.is_made(index) ? InvalidOid : pg::table_of_index(index);
}

/* The index of this name beside the table. */
Oid predictor::part_named(Oid table, const char *index) const {
    if (const Oid known = book_.find(schema_of(table), index); OidIsValid(known))
        return known;
    const Oid oid = book_.is_made(table)
                        ? InvalidOid
                        : call([&] { return get_relname_relid(index, get_rel_namespace(table)); });
    return book_.has_kept_its_name(oid) ? oid : InvalidOid;
}

static foreign_key made_key(const script_link &tie) {
    foreign_key key{};
    key.table = tie.from;
    key.referenced = tie.to;
    key.on_update = tie.on_update;
    key.on_delete = tie.on_delete;
    key.validated = true;
    return key;
}

std::vector<foreign_key> predictor::foreign_keys_of(Oid table) const {
    std::vector<foreign_key> found =
        book_.is_made(table) ? std::vector<foreign_key>() : pg::foreign_keys_of(table);
    for (const script_link &tie : book_.links())
        if (tie.what == link::foreign_key && tie.from == table)
            found.push_back(made_key(tie));
    return found;
}

std::vector<foreign_key> predictor::foreign_keys_to(Oid table) const {
    std::vector<foreign_key> found =
        book_.is_made(table) ? std::vector<foreign_key>() : pg::foreign_keys_to(table);
    for (const script_link &tie : book_.links())
        if (tie.what == link::foreign_key && tie.to == table)
            found.push_back(made_key(tie));
    return found;
}

/* What the query of a view that the script makes or replaces reads. */
void predictor::read_made(Oid view, LOCKMODE mode) {
    std::vector<Oid> seen{view};
    for (std::size_t i = 0; i < seen.size(); i++)
        for (const script_link &tie : book_.links()) {
            if (tie.what != link::reads || tie.from != seen[i] ||
                std::find(seen.begin(), seen.end(), tie.to) != seen.end())
                continue;
            seen.push_back(tie.to);
            effect what = perhaps(mode, "a view that the script makes reads it");
            what.planned = true;
            with_inheritors(tie.to, what);
            if (kind_of(tie.to) == RELKIND_VIEW && !book_.is_made(tie.to))
                expand_rules(tie.to, CMD_SELECT, false);
        }
}

/* The other ends of foreign keys that the script has made, or whose columns or names it has
 * changed.
 */
void predictor::alter_partners(Oid table, const AlterTableCmd *command) {
    effect what = perhaps(NoLock, tied_by_the_script);
    switch (command->subtype) {
    case AT_DropConstraint:
    case AT_DropColumn:
    case AT_AlterColumnType:
    case AT_AlterConstraint:
        what.mode = AccessExclusiveLock;
        what.scans = {command->subtype != AT_DropConstraint && command->subtype != AT_DropColumn,
                      likely};
        break;
    case AT_ValidateConstraint:
        what.mode = RowShareLock;
        what.scans = {true, likely};
        break;
    default:
        return;
    }
    for (const foreign_key &key : foreign_keys_of(table))
        with_inheritors(key.referenced, what);
    for (const foreign_key &key : foreign_keys_to(table))
        with_inheritors(key.table, what);
}

/* ALTER TABLE of what the script makes: only its partners, parents and children are known. */
void predictor::alter_made(Oid table, const AlterTableStmt *whole, const AlterTableCmd *command,
                           LOCKMODE mode) {
    switch (command->subtype) {
    case AT_AddColumn:
        add_column(table, reinterpret_cast<ColumnDef *>(command->def), whole->relation->inh, mode);
        break;
    case AT_AddConstraint:
        add_constraint(table, reinterpret_cast<Constraint *>(command->def), whole->relation->inh,
                       mode);
        break;
    case AT_AttachPartition:
        return attach_partition(table, reinterpret_cast<PartitionCmd *>(command->def), mode);
    case AT_DetachPartition:
        return detach_partition(table, reinterpret_cast<PartitionCmd *>(command->def), mode);
    case AT_AddInherit: {
        const Oid parent =
            named(reinterpret_cast<RangeVar *>(command->def), {ShareUpdateExclusiveLock});
        return book_.link(link::child, parent, table);
    }
    case AT_DropInherit:
        named(reinterpret_cast<RangeVar *>(command->def), {AccessShareLock});
        return;
    default:
        break;
    }
    alter_touched(table, command, mode);
    alter_partners(table, command);
}

/* A table that an earlier statement has changed: what the catalog says of it is no longer a reason
 * to spare it a rewrite or a scan. */
void predictor::alter_touched(Oid table, const AlterTableCmd *command, LOCKMODE mode) {
    effect what{mode, {}, {true, likely}, likely};
    switch (command->subtype) {
    case AT_SetLogged:
    case AT_SetUnLogged:
    case AT_AlterColumnType:
    case AT_SetTableSpace:
#if PG_VERSION_NUM >= 150000
    case AT_SetAccessMethod:
#endif
#if PG_VERSION_NUM >= 170000
    case AT_SetExpression:
#endif
        what.rewrites = {true, likely};
        break;
    case AT_SetNotNull:
    case AT_ValidateConstraint:
    case AT_AlterConstraint:
        break;
    case AT_AddConstraint:
        if (reinterpret_cast<Constraint *>(command->def)->contype == CONSTR_PRIMARY)
            break;
        what.scans = {};
        break;
    default:
        what.scans = {};
    }
    with_inheritors(table, what);
}

/* Those that the drop takes a foreign key from, and the table of an index. */
void predictor::drop_partners(Oid relation) {
    for (const script_link &tie : book_.links()) {
        const bool from = tie.from == relation, to = tie.to == relation;
        if ((from || to) && tie.what == link::foreign_key)
            with_inheritors(from ? tie.to : tie.from,
                            perhaps(AccessExclusiveLock, tied_by_the_script));
        else if ((from || to) && tie.what != link::reads)
            this->relation(from ? tie.to : tie.from,
                           perhaps(AccessExclusiveLock, tied_by_the_script));
        if (from && tie.what == link::part_of && kind_of(tie.to) == RELKIND_PARTITIONED_TABLE)
            inheritors(tie.to, perhaps(AccessExclusiveLock, tied_by_the_script));
    }
}

void predictor::drop_made(Oid relation, bool cascade) {
    drop_partners(relation);
    const char kind = kind_of(relation);
    for (Oid child : inheritors_of(relation))
        if (kind == RELKIND_PARTITIONED_TABLE || cascade)
            dropped({RelationRelationId, child, 0}, cascade);
    if (const Oid parent = parent_of(relation); OidIsValid(parent))
        default_partition(parent, false);
    book_.drop(relation);
    if (cascade)
        cascade_to_touched();
}

/* An index that is not found may be one whose name the server chooses. */
void predictor::tables_of_unnamed_indexes(LOCKMODE mode) {
    for (Oid table : book_.tables_of_unnamed_indexes())
        with_inheritors(table, perhaps(mode, "the index may be one that an earlier statement makes "
                                             "without naming it"));
}

/* What the script has changed may depend on anything by now. */
void predictor::cascade_to_touched() {
    script_book nothing;
    predictor inside(nothing, origin_);
    for (const auto &[relation, reason] : book_.all_touched())
        inside.dropped({RelationRelationId, relation, 0}, true);
    for (const prediction &one : inside.take())
        relation(one.relation, perhaps(AccessExclusiveLock, tied_by_the_script));
}

} // namespace confiture::pg
