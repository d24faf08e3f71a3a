#include "pg/transaction.hpp"

#include "pg/boundary.hpp"
#include "pg/catalog.hpp"

extern "C" {
#include "commands/tablecmds.h"
#include "commands/trigger.h"
}

namespace confiture::pg {

/* BeginInternalSubTransaction() leaves the memory context switched; ours stays the caller's. */
static void begin(const char *name) {
    MemoryContext caller = CurrentMemoryContext;
    call([&] { BeginInternalSubTransaction(name); });
    CurrentMemoryContext = caller;
}

subtransaction::subtransaction(const char *name)
    : memory_context_(CurrentMemoryContext), resource_owner_(CurrentResourceOwner) {
    begin(name);
    level_ = GetCurrentTransactionNestLevel();
}

subtransaction::~subtransaction() {
    if (!open_)
        return;
    try {
        roll_back();
    } catch (...) { // a second error while the first one unwinds: the first is told
    }
}

void subtransaction::release() {
    open_ = false;
    while (GetCurrentTransactionNestLevel() > level_)
        call([] { ReleaseCurrentSubTransaction(); });
    call([] { ReleaseCurrentSubTransaction(); });
    CurrentMemoryContext = static_cast<MemoryContext>(memory_context_);
    CurrentResourceOwner = static_cast<ResourceOwner>(resource_owner_);
}

void subtransaction::roll_back() {
    open_ = false;
    CurrentMemoryContext = static_cast<MemoryContext>(memory_context_);
    while (GetCurrentTransactionNestLevel() > level_)
        call([] { RollbackAndReleaseCurrentSubTransaction(); });
    call([] { RollbackAndReleaseCurrentSubTransaction(); });
    CurrentMemoryContext = static_cast<MemoryContext>(memory_context_);
    CurrentResourceOwner = static_cast<ResourceOwner>(resource_owner_);
}

void script_savepoint(const char *name) { begin(name); }

/* The names of open savepoints are not readable from outside xact.c: they are kept by the caller,
 * who says how many levels to end. */
void script_rollback_to(const char *name, int floor) {
    MemoryContext caller = CurrentMemoryContext;
    while (GetCurrentTransactionNestLevel() > floor)
        call([] { RollbackAndReleaseCurrentSubTransaction(); });
    CurrentMemoryContext = caller;
    begin(name);
}

void script_release(int floor) {
    MemoryContext caller = CurrentMemoryContext;
    while (GetCurrentTransactionNestLevel() > floor)
        call([] { ReleaseCurrentSubTransaction(); });
    CurrentMemoryContext = caller;
}

static constinit savepoint_listener *listeners = nullptr;
static constinit bool listening = false;

/* A callback stays for as long as the backend lives. */
savepoint_listener::savepoint_listener() : outer_(listeners) {
    if (!listening) {
        call([] {
            RegisterSubXactCallback(
                [](SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
                    if (event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB)
                        tell(GetCurrentTransactionNestLevel(), event == SUBXACT_EVENT_COMMIT_SUB);
                },
                nullptr);
            RegisterXactCallback(
                [](XactEvent event, void *) {
                    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
                        tell(1, event == XACT_EVENT_COMMIT);
                },
                nullptr);
        });
        listening = true;
    }
    listeners = this;
}

savepoint_listener::~savepoint_listener() { listeners = outer_; }

void savepoint_listener::tell(int level, bool committed) noexcept {
    for (savepoint_listener *listener = listeners; listener; listener = listener->outer_)
        if (committed)
            listener->released(level);
        else
            listener->rolled_back(level);
}

int transaction_nesting_level() { return GetCurrentTransactionNestLevel(); }
bool transaction_is_read_only() { return XactReadOnly; }
bool in_recovery() { return RecoveryInProgress(); }

/* AfterTriggerSetState() saves the modes once in each subtransaction, before it looks at the list
 * of constraints: here an empty one that is not NIL, which would mean all.  What only inner
 * subtransactions save is gone with their release. */
void save_constraint_modes() {
    call([] {
        auto *statement = makeNode(ConstraintsSetStmt);
        statement->constraints = list_make1(nullptr);
        statement->constraints->length = 0;
        statement->deferred = true;
        AfterTriggerSetState(statement);
    });
}

void on_commit_actions(bool delete_rows) {
    const int flags = MyXactFlags;
    if (!delete_rows) // rows are deleted where the transaction may have written some
        MyXactFlags &= ~static_cast<int>(XACT_FLAGS_ACCESSEDTEMPNAMESPACE);
    try {
        call([] {
            PreCommit_on_commit_actions();
            CommandCounterIncrement();
        });
    } catch (...) {
        MyXactFlags |= flags;
        throw;
    }
    MyXactFlags |= flags;
}

bool may_have_temporary_rows() { return MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE; }

void fire_deferred_triggers() {
    call([] { AfterTriggerFireDeferred(); });
}

void command_counter_increment() {
    call([] { CommandCounterIncrement(); });
}

void check_for_interrupts() {
    if (InterruptPending)
        call([] { ProcessInterrupts(); });
}

constinit int as_owner::at_work_ = 0;

as_owner::as_owner() {
    Oid user;
    GetUserIdAndSecContext(&user, &security_context_);
    user_ = user;
    const Oid owner = extension_owner();
    at_work_++;
    SetUserIdAndSecContext(owner,
                           security_context_ | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
}

as_role::as_role(unsigned int role, operations allowed) {
    Oid user;
    GetUserIdAndSecContext(&user, &security_context_);
    user_ = user;
    SetUserIdAndSecContext(
        role, security_context_ | SECURITY_LOCAL_USERID_CHANGE |
                  (allowed == operations::restricted ? SECURITY_RESTRICTED_OPERATION : 0));
}

as_role::~as_role() { SetUserIdAndSecContext(user_, security_context_); }

unsigned int current_role() { return GetUserId(); }

as_owner::~as_owner() {
    at_work_--;
    SetUserIdAndSecContext(user_, security_context_);
}

} // namespace confiture::pg
