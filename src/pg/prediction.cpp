#include "pg/prediction.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/prediction/predictor.hpp"
#include "pg/refused_forms.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

extern "C" {
#include "catalog/catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
}

namespace confiture::pg {

const char *name_of(certainty sure) {
    switch (sure) {
    case certainty::certain:
        return "certain";
    case certainty::likely:
        return "likely";
    case certainty::unknown:
        return "unknown";
    }
    return "";
}

certainty prediction::sure() const {
    if (unknown)
        return certainty::unknown;
    certainty worst = mode == certain_mode ? certainty::certain : certainty::likely;
    for (const expectation &one : {rewrites, scans})
        if (one.expected)
            worst = std::max(worst, one.sure);
    return worst;
}

/* Cancelled, shut down, out of memory. */
static bool is_intervention(const std::string &sqlstate) {
    return sqlstate.compare(0, 2, "57") == 0 || sqlstate.compare(0, 2, "53") == 0;
}

char kind_of(Oid relation) {
    return call([&] { return get_rel_relkind(relation); });
}

bool has_storage(Oid relation) {
    const char kind = kind_of(relation);
    return RELKIND_HAS_STORAGE(kind);
}

std::vector<Oid> inheritors_of(Oid parent) {
    std::vector<Oid> children;
    if (!OidIsValid(parent) || !call([&] { return has_subclass(parent); }))
        return children;
    List *found = call([&] { return find_all_inheritors(parent, NoLock, nullptr); });
    ListCell *cell;
    foreach (cell, found)
        if (lfirst_oid(cell) != parent)
            children.push_back(lfirst_oid(cell));
    return children;
}

Oid parent_of(Oid partition) {
    return call([&]() -> Oid {
        if (!get_rel_relispartition(partition))
            return InvalidOid;
#if PG_VERSION_NUM >= 140000
        return get_partition_parent(partition, true);
#else
        return get_partition_parent(partition);
#endif
    });
}

/* What is expected for one cause and another: the surer of the two. */
static void add(expectation &known, const expectation &more) {
    if (!more.expected)
        return;
    known.sure = known.expected ? std::min(known.sure, more.sure) : more.sure;
    known.expected = true;
}

void predictor::relation(Oid oid, const effect &what) {
    if (!OidIsValid(oid) || oid < FirstNormalObjectId)
        return;
    auto known = std::find_if(found_.begin(), found_.end(),
                              [&](const prediction &one) { return one.relation == oid; });
    if (known == found_.end()) {
        const auto name = name_of_relation(oid);
        if (!name || call([&] { return IsToastNamespace(get_rel_namespace(oid)); }))
            return; // gone, or a part of its table that nobody names
        prediction fresh;
        fresh.relation = oid;
        fresh.object = name->name;
        known = found_.insert(found_.end(), std::move(fresh));
    }
    known->mode = std::max(known->mode, what.mode);
    if (what.locks == certain)
        known->certain_mode = std::max(known->certain_mode, what.mode);
    if (has_storage(oid)) {
        add(known->rewrites, what.rewrites);
        add(known->scans, what.scans);
    }
    known->planned = known->planned || what.planned;
    if (*what.reason && known->reason.find(what.reason) == std::string::npos)
        known->reason += (known->reason.empty() ? "" : "; ") + std::string(what.reason);
}

const script_names::name *predictor::made(const RangeVar *relation) const {
    const auto there = [&](const std::string &schema) {
        if (relation->schemaname)
            return schema == relation->schemaname;
        const Oid oid = call([&] { return get_namespace_oid(schema.c_str(), true); });
        List *path = call([] { return fetch_search_path(true); });
        return !OidIsValid(oid) || list_member_oid(path, oid);
    };
    const auto found =
        std::find_if(names_.names.rbegin(), names_.names.rend(), [&](const auto &name) {
            return name.relation == relation->relname && there(name.schema);
        });
    return found == names_.names.rend() ? nullptr : &*found;
}

void predictor::makes_in(Oid schema, const char *name, Oid was) {
    const char *schema_name = call([&] { return get_namespace_name(schema); });
    names_.names.push_back({schema_name ? schema_name : "", name, was});
}

void predictor::makes(const RangeVar *relation, Oid was) {
    if (relation->relpersistence == RELPERSISTENCE_TEMP) {
        names_.names.push_back({"pg_temp", relation->relname, was});
        return;
    }
    if (relation->schemaname &&
        !OidIsValid(call([&] { return get_namespace_oid(relation->schemaname, true); }))) {
        names_.names.push_back({relation->schemaname, relation->relname, was});
        return;
    }
    makes_in(call([&] { return RangeVarGetCreationNamespace(relation); }), relation->relname, was);
}

Oid predictor::find(const RangeVar *relation) const {
    if (!relation)
        return InvalidOid;
    const Oid oid = call([&] { return RangeVarGetRelid(relation, NoLock, true); });
    const script_names::name *const known = made(relation);
    // A run finds what the script made; a plan, that runs nothing, finds its predecessor or
    // nothing.
    return known && !OidIsValid(oid) ? known->was : oid;
}

Oid predictor::named(const RangeVar *variable, const effect &what) {
    if (!variable)
        return InvalidOid;
    const Oid oid = find(variable);
    if (OidIsValid(oid))
        relation(oid, what);
    else if (!made(variable)) {
        prediction missing;
        missing.object = variable->relname;
        missing.mode = what.mode;
        missing.unknown = true;
        missing.reason = "it does not exist now";
        found_.push_back(std::move(missing));
    }
    return oid;
}

void predictor::inheritors(Oid parent, const effect &what) {
    for (Oid child : inheritors_of(parent))
        relation(child, what);
}

void predictor::with_inheritors(Oid parent, const effect &what) {
    relation(parent, what);
    inheritors(parent, what);
}

void predictor::unknown(std::string reason) {
    prediction nothing;
    nothing.unknown = true;
    nothing.reason = std::move(reason);
    found_.push_back(std::move(nothing));
}

/* What the server would refuse as things are.  Earlier statements of the script may have changed
 * that, and the plan has run none: then only what no catalog can change is told. */
static std::optional<std::string> refusal_of(std::string_view text, bool is_first) {
    try {
        check_form(text);
    } catch (const error &raised) {
        const std::string state = raised.sqlstate();
        if (is_intervention(state))
            throw;
        if (is_first || state == "0A000" || state == "42601")
            return std::string("as things are, the server refuses it: ") + raised.what();
    }
    return std::nullopt;
}

/* In a subtransaction of its own, which takes back the locks on catalogs that looking took, and
 * survives what the server says to a statement that cannot be analysed. */
std::vector<prediction> predict(std::string_view text, script_names &names) {
    memory_context memory("confiture prediction");
    memory_scope scope(memory);
    const std::string terminated(text);
    predictor one(names);
    subtransaction looking;
    try {
        one.statement(parse_statement(terminated.c_str())->stmt);
    } catch (const error &raised) {
        if (is_intervention(raised.sqlstate()))
            throw;
        one.unknown(raised.what());
    }
    std::vector<prediction> found = one.take();
    looking.roll_back();
    if (const auto refusal = refusal_of(text, names.statements++ == 0)) {
        prediction refused;
        refused.unknown = true;
        refused.reason = *refusal;
        found.push_back(std::move(refused));
    }
    return found;
}

} // namespace confiture::pg
