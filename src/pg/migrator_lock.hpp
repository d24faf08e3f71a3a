#pragma once
/*
 * One migrator at a time: whoever changes this database by confiture holds an Exclusive lock on
 * confiture.migrator.  It is a view, and so met by none of the statements for every table of the
 * database (VACUUM, REINDEX DATABASE), which run in another process; whoever has no rights on it
 * cannot lock it, and nobody can drop the extension meanwhile.
 *
 * The rollback of a whole transaction takes the session's locks on relations along
 * (ProcReleaseLocks()).  So there is another lock before it, the gate, of the method of advisory
 * locks, which stay; no SQL function can take it.  Migrators take the gate first and wait there:
 * nobody else comes in while the other lock is taken again.
 */
#include "pg/plain.hpp"

#include "pg/locks.hpp"

#include <optional>

namespace confiture::pg {

/* What migrators queue for: the gate.  Throws failure where the extension is not installed. */
lock_tag migrators_queue();

/* Takes it until the end of the transaction or subtransaction.  Throws failure{migrator_locked}
 * naming the holder after confiture.migrator_wait, or as soon as a statement of the holder waits
 * for this transaction. */
void lock_migrator();

/* The same for the session, whatever its transactions do, until it is destroyed. */
class migrator_lock {
public:
    migrator_lock();
    migrator_lock(const migrator_lock &) = delete;
    migrator_lock &operator=(const migrator_lock &) = delete;
    ~migrator_lock();

    /* Takes the gate again where a script has given it up (pg_advisory_unlock_all()) and nobody has
     * it yet; the other lock stands meanwhile. */
    void keep();

    /* After a rollback.  False where the gate was given up before: others may have been at work in
     * between.  Throws failure where the lock cannot be acquired, or the extension is dropped. */
    bool take_again();

private:
    lock_tag gate_{}, view_{};
    std::optional<lock_tag> extension_; // that is kept from being dropped
};

} // namespace confiture::pg
