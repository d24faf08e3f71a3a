#pragma once
/*
 * Included by every header that code above the border may see.  src/pg/postgres.hpp, the one door
 * to PostgreSQL's C headers, defines CONFITURE_BORDER; a file that opened those headers any other
 * way stops here.
 */
#if defined(POSTGRES_H) && !defined(CONFITURE_BORDER)
static_assert(false, "PostgreSQL's headers are for src/pg alone");
#endif
