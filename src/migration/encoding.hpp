#pragma once
/* Folders are UTF-8; the database need not be. */
#include "pg/plain.hpp"

#include "migration/source.hpp"

#include <functional>

namespace confiture::migration {

/* In the encoding of the database.  Throws failure{migration_invalid}, naming file, line and
 * column, for what it cannot hold. */
source in_database_encoding(const source &migration);

/* Runs what works on UTF-8; its failures are told in the encoding of the database. */
void in_utf8(const std::function<void()> &work);

} // namespace confiture::migration
