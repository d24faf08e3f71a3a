#pragma once
/* What the border needs once in a backend. */
#include "pg/plain.hpp"

namespace confiture::pg {

void initialise();

} // namespace confiture::pg
