#include "pg/module.hpp"

#include "pg/postgres.hpp"
#include "pg/settings.hpp"
#include "pg/tracer.hpp"

extern "C" {
PG_MODULE_MAGIC;
}

namespace confiture::pg {

void initialise() {
    define_settings();
    install_tracer();
}

} // namespace confiture::pg
