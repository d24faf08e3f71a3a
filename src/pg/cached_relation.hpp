#pragma once
/* An entry of the relation cache, opened without a lock. */
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"

namespace confiture::pg {

/* Null for what is gone.  RelationIdGetRelation() alone raises an internal error for the new heap
 * of a rewrite that was rolled back, where the transaction had rewritten the table before:
 * swap_relation_files() marks that heap as older than the rewrite, so that
 * AtEOSubXact_RelationCache() keeps an entry that the catalog knows nothing of. */
inline Relation open_cached(Oid relation) {
    return OidIsValid(relation) && SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation))
               ? RelationIdGetRelation(relation)
               : nullptr;
}

class cached_relation {
public:
    explicit cached_relation(Oid oid) : relation_(call([&] { return open_cached(oid); })) {}
    cached_relation(const cached_relation &) = delete;
    cached_relation &operator=(const cached_relation &) = delete;
    ~cached_relation() {
        if (relation_)
            RelationClose(relation_);
    }
    explicit operator bool() const { return relation_ != nullptr; }
    Relation get() const { return relation_; }
    Relation operator->() const { return relation_; }

private:
    Relation relation_;
};

} // namespace confiture::pg
