#include "pg/name_lock.hpp"

#include "pg/boundary.hpp"
#include "pg/session.hpp"

namespace confiture::pg {

/* Locks of the other method, that of advisory locks, outlive the abort of a transaction
 * (ProcReleaseLocks()). */
static lock_tag tag_of(Oid relation, const std::string &name) {
    const auto hash =
        static_cast<std::uint32_t>(std::stoul(sha256(name).substr(0, 8), nullptr, 16));
    return {MyDatabaseId, relation, hash, 0, LOCKTAG_OBJECT, USER_LOCKMETHOD};
}

name_lock::name_lock(oid relation, const std::string &name)
    : tag_(tag_of(relation, name)), held_(take_session_lock(tag_, ExclusiveLock)) {}

/* Raises nothing: a lock that is not held any more is a WARNING of the server. */
name_lock::~name_lock() {
    if (held_)
        release_session_lock(tag_, ExclusiveLock);
}

std::vector<int> name_lock::holders() const { return conflicting_sessions(tag_, ExclusiveLock); }

} // namespace confiture::pg
