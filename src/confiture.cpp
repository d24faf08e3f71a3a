#include "pg/module.hpp"

extern "C" __attribute__((visibility("default"))) void
_PG_init(); // NOLINT(bugprone-reserved-identifier)

/* Called once in each backend, when the library is loaded. */
void _PG_init() { confiture::pg::initialise(); }
