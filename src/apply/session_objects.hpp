#pragma once
/* What ends with a session and statements may need: temporary tables and whatever else is in
 * pg_temp, prepared statements, cursors WITH HOLD, advisory locks. */
#include "pg/plain.hpp"

#include <map>
#include <string>

namespace confiture::apply {

struct session_object {
    std::string identity; // another one for another object of its name
    bool shadows = false; // a permanent relation of its name
};

/* By what they are called: 'temporary table "orders"'. */
using session_objects = std::map<std::string, session_object>;

/* Those that there are once the transaction that runs has committed. */
session_objects session_objects_now();

} // namespace confiture::apply
