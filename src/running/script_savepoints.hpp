#pragma once
/* SAVEPOINT, ROLLBACK TO and RELEASE of a script, as subtransactions of the run. */
#include "pg/plain.hpp"

#include <string>
#include <vector>

namespace confiture::running {

class script_savepoints {
public:
    void open(const std::string &name);
    /* False where no savepoint has this name. */
    bool roll_back_to(const std::string &name);
    bool release(const std::string &name);
    void release_all();
    /* They went with a rollback of what was around them. */
    void forget() { open_.clear(); }

private:
    struct savepoint {
        std::string name;
        int floor; // the nesting level below it
    };
    std::vector<savepoint>::iterator find(const std::string &name);

    std::vector<savepoint> open_;
};

} // namespace confiture::running
