#pragma once
/* One migrator at a time: whoever changes this database by confiture holds this lock. */
#include "pg/plain.hpp"

namespace confiture::pg {

/* Takes it until the end of the transaction or subtransaction.  Throws failure{migrator_locked}
 * naming the holder after confiture.migrator_wait. */
void lock_migrator();

/* The same for the session, whatever its transactions do, until it is destroyed. */
class migrator_lock {
public:
    migrator_lock();
    migrator_lock(const migrator_lock &) = delete;
    migrator_lock &operator=(const migrator_lock &) = delete;
    ~migrator_lock();

private:
    unsigned int table_;
};

} // namespace confiture::pg
