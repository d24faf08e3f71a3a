#pragma once
/* A lock of the session on a name, whatever its transactions do.  Nobody can take it from SQL. */
#include "pg/plain.hpp"

#include "pg/catalog.hpp"
#include "pg/locks.hpp"

#include <string>
#include <vector>

namespace confiture::pg {

class name_lock {
public:
    /* Takes the lock if nobody has it, and waits for nobody.  Names are told apart by a hash of 32
     * bits, and by the relation whose names they are. */
    name_lock(oid relation, const std::string &name);
    name_lock(const name_lock &) = delete;
    name_lock &operator=(const name_lock &) = delete;
    ~name_lock();

    bool held() const { return held_; }
    /* Who has it, if this session has not. */
    std::vector<int> holders() const;

private:
    lock_tag tag_;
    bool held_;
};

} // namespace confiture::pg
