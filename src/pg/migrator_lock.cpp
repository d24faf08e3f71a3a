#include "pg/migrator_lock.hpp"

#include "pg/boundary.hpp"
#include "pg/catalog.hpp"
#include "pg/locks.hpp"
#include "pg/query.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

namespace confiture::pg {

static std::string holder_of(const lock_tag &tag) {
    for (int process_id : conflicting_sessions(tag, ExclusiveLock)) {
        const auto found =
            query("SELECT usename, application_name, to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS') "
                  "FROM pg_stat_activity WHERE pid = $1::integer",
                  {std::to_string(process_id)});
        if (!found.empty())
            return "Process " + std::to_string(process_id) + " (role \"" +
                   found[0][0].value_or("?") + "\", application \"" + found[0][1].value_or("") +
                   "\") holds it in a transaction begun at " + found[0][2].value_or("?") + ".";
    }
    return "The holder has just let it go.";
}

static LockRelId lock_identity(Oid table) { return {table, MyDatabaseId}; }

/* Returns the table that the lock is on. */
static Oid take(bool for_session) {
    const oid table = find_relation("confiture.migrator");
    if (table == 0)
        throw failure{configuration_invalid, "the extension confiture is not installed",
                      "There is no table confiture.migrator.", "CREATE EXTENSION confiture."};
    const lock_tag tag{current_database(), table, 0, 0, 0, DEFAULT_LOCKMETHOD};
    try {
        in_subtransaction([&] {
            settings_scope wait;
            // 0 would wait for ever; a migrator that must not wait at all waits a millisecond.
            wait.set("lock_timeout", std::to_string(std::max(migrator_wait(), 1)).c_str());
            call([&] {
                LockRelId identity = lock_identity(table);
                // The holder may build an index concurrently, which waits for every snapshot.
                InvalidateCatalogSnapshot();
                if (for_session)
                    LockRelationIdForSession(&identity, ExclusiveLock);
                else
                    LockRelationOid(table, ExclusiveLock);
            });
        });
    } catch (const error &raised) {
        if (raised.sqlstate() != "55P03")
            throw;
        throw failure{migrator_locked, "another migrator is at work in this database",
                      holder_of(tag),
                      "Try again when it is done, or raise confiture.migrator_wait (" +
                          std::to_string(migrator_wait()) + " ms)."};
    }
    return table;
}

void lock_migrator() { take(false); }

migrator_lock::migrator_lock() : table_(take(true)) {}

static bool is_held(const LockRelId &identity) {
    LOCKTAG tag;
    SET_LOCKTAG_RELATION(tag, identity.dbId, identity.relId);
#if PG_VERSION_NUM >= 170000
    return LockHeldByMe(&tag, ExclusiveLock, false);
#else
    return LockHeldByMe(&tag, ExclusiveLock);
#endif
}

/* A transaction that was rolled back whole has given it up. */
migrator_lock::~migrator_lock() {
    LockRelId identity = lock_identity(table_);
    if (is_held(identity))
        UnlockRelationIdForSession(&identity, ExclusiveLock);
}

} // namespace confiture::pg
