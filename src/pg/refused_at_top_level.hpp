#pragma once
/* The part of check_form() that knows statements without a plain form, and what both parts need. */
#include "pg/postgres.hpp"

namespace confiture::pg {

void check_at_top_level(Node *node);
void check_reindex_many(const ReindexStmt *statement, bool concurrently);

[[noreturn]] void refuse(int code, const std::string &message, const std::string &hint = {});
/* Does the current role own an object of this catalog? */
bool owns(Oid catalog, Oid object);

} // namespace confiture::pg
