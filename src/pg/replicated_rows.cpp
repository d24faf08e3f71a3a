/* The trigger of confiture's own tables that passes over what logical replication brings. */
#include "pg/boundary.hpp"

#include "pg/function.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "commands/trigger.h"
#include "replication/logicalworker.h"
}

namespace confiture::pg {

/* PostgreSQL's own apply and table synchronization workers, and those of extensions that replicate,
 * which are background workers under session_replication_role = replica.  What confiture itself
 * writes is not meant, wherever it runs. */
static bool applies_replicated_rows() {
    const bool replicates =
        IsLogicalWorker() || (MyBackendType == B_BG_WORKER &&
                              SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA);
    return replicates && !as_owner::is_at_work();
}

CONFITURE_FUNCTION(confiture_keep_own_rows) {
    FunctionCallInfo fcinfo = arguments.handle();
    if (!CALLED_AS_TRIGGER(fcinfo))
        throw failure{configuration_invalid, "keep_own_rows() is a trigger's function"};
    const auto *trigger = reinterpret_cast<const TriggerData *>(fcinfo->context);
    if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
        throw failure{configuration_invalid,
                      std::string("confiture.") + RelationGetRelationName(trigger->tg_relation) +
                          " cannot be truncated",
                      "Whoever follows this database by logical replication would lose its own.",
                      "DELETE rows."};
    HeapTuple kept =
        TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
    return {PointerGetDatum(applies_replicated_rows() ? nullptr : kept), false};
}

} // namespace confiture::pg
