#include "apply/journal.hpp"
#include "pg/module.hpp"
#include "pg/worker.hpp"

extern "C" __attribute__((visibility("default"))) void
_PG_init(); // NOLINT(bugprone-reserved-identifier)

/* Called once in each backend, when the library is loaded. */
void _PG_init() {
    confiture::pg::initialise();
    confiture::pg::on_top_level_done(confiture::apply::take_receipt);
}
