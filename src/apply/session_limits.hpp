#pragma once
/* Limits of the session that end a call which commits as it goes. */
#include "pg/plain.hpp"

namespace confiture::apply {

/* A WARNING for each that is set, by the session, the role, the database or the server. */
void tell_session_limits();

} // namespace confiture::apply
