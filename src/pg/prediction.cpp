#include "pg/prediction.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/prediction/predictor.hpp"
#include "pg/refused_forms.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

extern "C" {
#include "catalog/catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "utils/varlena.h"
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
    certainty worst = mode == certain_mode && !doubtful ? certainty::certain : certainty::likely;
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

std::vector<Oid> children_of(Oid parent) {
    std::vector<Oid> children;
    List *found = call([&] { return find_inheritance_children(parent, NoLock); });
    ListCell *cell;
    foreach (cell, found)
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
    consult(oid);
    if (book_.is_made(oid)) // nobody waits for what the script makes
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

/* The schemas of search_path that only the script has made come before the catalog's: they are not
 * in what the server makes of the setting. */
static std::vector<std::string> made_schemas_of_path(const script_book &book) {
    std::vector<std::string> found;
    if (!book.makes_schemas())
        return found;
    List *elements = call([]() -> List * {
        List *names = NIL;
        const bool read = SplitIdentifierString(pstrdup(namespace_search_path), ',', &names);
        return read ? names : NIL;
    });
    ListCell *cell;
    foreach (cell, elements) {
        const char *name = static_cast<char *>(lfirst(cell));
        if (std::strcmp(name, "$user") == 0)
            name = call([] { return GetUserNameFromId(GetUserId(), true); });
        if (name && book.makes_schema(name))
            found.emplace_back(name);
    }
    return found;
}

Oid predictor::look_up(const RangeVar *relation) const {
    const auto kept = [&](Oid oid) { return book_.has_kept_its_name(oid) ? oid : InvalidOid; };
    const std::string name = relation->relname;
    if (relation->schemaname) {
        if (const Oid known = book_.find(relation->schemaname, name); OidIsValid(known))
            return known;
        const std::string before = book_.schema_before(relation->schemaname);
        if (before == relation->schemaname)
            return kept(call([&] { return RangeVarGetRelid(relation, NoLock, true); }));
        return kept(call([&]() -> Oid {
            const Oid schema = LookupExplicitNamespace(before.c_str(), true);
            return OidIsValid(schema) ? get_relname_relid(relation->relname, schema) : InvalidOid;
        }));
    }
    if (!book_.knows(name))
        if (const Oid oid = call([&] { return RangeVarGetRelid(relation, NoLock, true); });
            !OidIsValid(oid) || OidIsValid(kept(oid)))
            return oid;
    std::vector<std::string> before_all = made_schemas_of_path(book_);
    before_all.insert(before_all.begin(), "pg_temp");
    for (const std::string &schema : before_all)
        if (const Oid known = book_.find(schema, name); OidIsValid(known))
            return known;
    List *path = call([] { return fetch_search_path(true); });
    ListCell *cell;
    foreach (cell, path) {
        const Oid schema = lfirst_oid(cell);
        const char *schema_name = call([&] { return get_namespace_name(schema); });
        if (const Oid known = schema_name ? book_.find(schema_name, name) : InvalidOid;
            OidIsValid(known))
            return known;
        const Oid oid = call([&] { return get_relname_relid(name.c_str(), schema); });
        if (OidIsValid(kept(oid)))
            return oid;
    }
    return InvalidOid;
}

void predictor::consult(Oid relation) {
    if (!OidIsValid(relation))
        return;
    consulted_.push_back(relation);
    if (const std::string *reason = book_.touched(relation); reason && stale_.empty())
        stale_ = *reason;
}

Oid predictor::find(const RangeVar *relation) {
    const Oid oid = relation ? look_up(relation) : InvalidOid;
    searched_ = searched_ || (relation && !relation->schemaname);
    consult(oid);
    return oid;
}

std::string predictor::schema_of(Oid relation) const {
    if (book_.is_made(relation))
        return book_.schema_of_made(relation);
    const char *name = call([&] { return get_namespace_name(get_rel_namespace(relation)); });
    return name ? name : "";
}

Oid predictor::makes_in(Oid schema, const char *name, char kind) {
    const char *schema_name = call([&] { return get_namespace_name(schema); });
    return book_.make(schema_name ? schema_name : "", name, kind);
}

Oid predictor::makes(const RangeVar *relation, char kind) {
    if (relation->relpersistence == RELPERSISTENCE_TEMP)
        return book_.make("pg_temp", relation->relname, kind);
    if (relation->schemaname &&
        !OidIsValid(call([&] { return get_namespace_oid(relation->schemaname, true); })))
        return book_.make(relation->schemaname, relation->relname, kind);
    if (const auto made = made_schemas_of_path(book_); !relation->schemaname && !made.empty())
        return book_.make(made.front(), relation->relname, kind);
    return makes_in(call([&] { return RangeVarGetCreationNamespace(relation); }), relation->relname,
                    kind);
}

Oid predictor::named(const RangeVar *variable, const effect &what) {
    if (!variable)
        return InvalidOid;
    const Oid oid = find(variable);
    if (OidIsValid(oid))
        relation(oid, what);
    else {
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

void predictor::open(std::string reason) {
    prediction nothing;
    nothing.unknown = true;
    nothing.reason = std::move(reason);
    found_.push_back(std::move(nothing));
}

void predictor::unknown(std::string reason) {
    book_.open_all(origin_ + " may have changed what this one does: " + reason);
    open(std::move(reason));
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
    } catch (const failure &refused) { // as the session would read it
        return refused.message;
    }
    return std::nullopt;
}

struct script_savepoints {
    struct saved {
        std::string name;
        script_book book;
    };
    script_book at_begin;
    std::vector<saved> all;
};

planner::planner()
    : book_(std::make_unique<script_book>()), savepoints_(std::make_unique<script_savepoints>()) {}

planner::~planner() = default;

/* ROLLBACK and ROLLBACK TO take back what was done since, and so does the book. */
static void follow_transaction(const TransactionStmt *statement, script_book &book,
                               script_savepoints &savepoints) {
    const auto named = [&] {
        return std::find_if(savepoints.all.rbegin(), savepoints.all.rend(),
                            [&](const auto &one) { return one.name == statement->savepoint_name; });
    };
    switch (statement->kind) {
    case TRANS_STMT_BEGIN:
    case TRANS_STMT_START:
    case TRANS_STMT_COMMIT:
        book.end_transaction();
        savepoints.all.clear();
        savepoints.at_begin = book;
        return;
    case TRANS_STMT_ROLLBACK:
        book = savepoints.at_begin;
        savepoints.all.clear();
        return;
    case TRANS_STMT_SAVEPOINT:
        savepoints.all.push_back({statement->savepoint_name, book});
        return;
    case TRANS_STMT_RELEASE:
        if (const auto found = named(); found != savepoints.all.rend())
            savepoints.all.erase(std::prev(found.base()), savepoints.all.end());
        return;
    case TRANS_STMT_ROLLBACK_TO:
        if (const auto found = named(); found != savepoints.all.rend()) {
            book = found->book;
            savepoints.all.erase(found.base(), savepoints.all.end());
        }
        return;
    default:
        book.open_all("an earlier statement ends the transaction in another way");
    }
}

/* In a subtransaction of its own, which takes back the locks on catalogs that looking took, and
 * survives what the server says to a statement that cannot be analysed. */
std::vector<prediction> planner::next(std::string_view text, int line) {
    memory_context memory("confiture prediction");
    memory_scope scope(memory);
    const std::string terminated(text);
    predictor one(*book_, "the statement in line " + std::to_string(line));
    subtransaction looking;
    {
        settings_scope settings;
        try {
            for (const auto &change : book_->settings)
                settings.set(change.name.c_str(), change.value ? change.value->c_str() : nullptr);
            Node *const node = parse_statement(terminated.c_str())->stmt;
            if (IsA(node, TransactionStmt))
                follow_transaction(reinterpret_cast<TransactionStmt *>(node), *book_, *savepoints_);
            else
                one.whole(node, text);
        } catch (const error &raised) {
            if (is_intervention(raised.sqlstate()))
                throw;
            one.unknown(raised.what());
        } catch (const failure &refused) { // as the session would read it
            one.unknown(refused.message);
        }
        one.lower_certainty();
    }
    std::vector<prediction> found = one.take();
    looking.roll_back();
    if (const auto refusal = refusal_of(text, statements_++ == 0)) {
        prediction refused;
        refused.unknown = true;
        refused.reason = *refusal;
        found.push_back(std::move(refused));
    }
    return found;
}

void planner::code_runs(const std::string &what) {
    book_->open_all(what + " may have changed what this one does");
}

void planner::end_script() {
    book_->end_script();
    savepoints_->all.clear();
    savepoints_->at_begin = *book_;
}

} // namespace confiture::pg
