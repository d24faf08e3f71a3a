#pragma once
/*
 * One migrator at a time: whoever changes this database by confiture holds an Exclusive lock on
 * confiture.migrator.  It is a view, and so met by none of the statements for every table of the
 * database (VACUUM, REINDEX DATABASE), which run in another process; whoever has no rights on it
 * cannot lock it, and nobody can drop the extension meanwhile.
 */
#include "pg/plain.hpp"

#include "pg/locks.hpp"

#include <optional>

namespace confiture::pg {

/* What migrators queue for.  Throws failure where the extension is not installed. */
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

private:
    lock_tag tag_;
    std::optional<lock_tag> extension_; // that is kept from being dropped
};

} // namespace confiture::pg
