#include "pg/worker.hpp"

#include "pg/boundary.hpp"
#include "pg/memory.hpp"
#include "pg/proc.hpp"
#include "pg/worker_job.hpp"
#include "pg/worker_names.hpp"

#include <csignal>

extern "C" {
#include "access/parallel.h"
#include "libpq/pqformat.h"
#include "libpq/pqsignal.h"
#include "parser/analyze.h"
#include "storage/pmsignal.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
}

namespace confiture::pg {

namespace {

using receipt_taker = void (*)(const std::string &);
constinit receipt_taker take_receipt = nullptr;

/* The worker's half of the segment, mapped as long as the worker lives. */
struct job_parts {
    const job_header *header;
    const char *statement, *receipt, *names;
    char *libraries, *settings;
    shm_mq *queue;
};

job_parts read_parts(dsm_segment *segment) {
    return call([&]() -> job_parts {
        shm_toc *toc = shm_toc_attach(job_magic, dsm_segment_address(segment));
        if (!toc)
            ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                            errmsg("the session and its worker have loaded different versions of "
                                   "confiture"),
                            errhint("Connect anew.")));
        auto part = [&](job_part key) {
            return static_cast<char *>(shm_toc_lookup(toc, key, false));
        };
        return {reinterpret_cast<const job_header *>(part(part_header)),
                part(part_statement),
                part(part_receipt),
                part(part_names),
                part(part_libraries),
                part(part_settings),
                reinterpret_cast<shm_mq *>(part(part_queue))};
    });
}

void say(job_message what, const void *data = nullptr, int size = 0) {
    call([&] {
        StringInfoData message;
        pq_beginmessage(&message, what);
        pq_sendbytes(&message, static_cast<const char *>(data), size);
        pq_endmessage(&message);
    });
}

/* A statement that only computes would go on without its server, and keep a new one from starting.
 */
namespace postmaster_watch {

constexpr int pause_ms = 500;
constinit TimeoutId timer{};

void look() {
    if (PostmasterIsAlive())
        enable_timeout_after(timer, pause_ms);
    else
        kill(MyProcPid, SIGTERM);
}

void begin() {
    timer = call([] { return RegisterTimeout(USER_TIMEOUT, look); });
    call([] { enable_timeout_after(timer, pause_ms); });
}

} // namespace postmaster_watch

void connect(const job_header &header) {
    std::uint32_t flags = BGWORKER_BYPASS_ALLOWCONN; // the session is in the database already
#ifdef BGWORKER_BYPASS_ROLELOGINCHECK
    flags |= BGWORKER_BYPASS_ROLELOGINCHECK; // and its user has logged in
#endif
    call([&] {
        BackgroundWorkerInitializeConnectionByOid(header.database, header.session_user, flags);
    });
}

void set_option(const char *name, const char *value) {
    SetConfigOption(name, value, PGC_USERSET, PGC_S_SESSION);
}

void set_roles(const job_header &header) {
    SetSessionAuthorization(header.session_user, superuser_arg(header.session_user));
    SetCurrentRoleId(header.role, OidIsValid(header.role) ? superuser_arg(header.role) : false);
}

/* In a transaction.  As ParallelWorkerMain() does it: what the session has is taken over and not
 * judged anew, a role that it could not SET any more for one.  Settings can depend on the roles;
 * the role is one of them in some versions, but must be one in all: what ends a SET LOCAL ROLE
 * returns to it. */
void adopt_session(const job_parts &job) {
    const Oid role = job.header->role;
    set_roles(*job.header);
    InitializingParallelWorker = true;
    RestoreGUCState(job.settings);
    set_roles(*job.header);
    set_option("role", OidIsValid(role) ? GetUserNameFromId(role, false) : "none");
    InitializingParallelWorker = false;
    // The session reads what we say as its own text, whatever its client speaks.
    set_option("client_encoding", GetDatabaseEncodingName());
    set_option("lock_timeout", "0");
}

/* `began_in` becomes the one that the statement begins in. */
void begin_transaction(LocalTransactionId &began_in) {
    MemoryContext memory = CurrentMemoryContext; // of no transaction
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    began_in = local_transaction(MyProc);
    MemoryContextSwitchTo(memory);
}

/* As exec_simple_query() does it: the statement begins and ends transactions as it likes. */
job_completion run(const char *statement) {
    MemoryContext memory = CurrentMemoryContext;
    const List *parsed = pg_parse_query(statement);
    if (list_length(parsed) != 1)
        ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
                        errmsg("a worker runs one statement, not %d", list_length(parsed))));
    auto *raw = linitial_node(RawStmt, parsed);
    const bool needs_snapshot = analyze_requires_snapshot(raw);
    if (needs_snapshot)
        PushActiveSnapshot(GetTransactionSnapshot());
#if PG_VERSION_NUM >= 150000
    List *queries = pg_analyze_and_rewrite_fixedparams(raw, statement, nullptr, 0, nullptr);
#else
    List *queries = pg_analyze_and_rewrite(raw, statement, nullptr, 0, nullptr);
#endif
    List *plans = pg_plan_queries(queries, statement, CURSOR_OPT_PARALLEL_OK, nullptr);
    if (needs_snapshot)
        PopActiveSnapshot();

    Portal portal = CreatePortal("", true, true);
    portal->visible = false;
    PortalDefineQuery(portal, nullptr, statement, CreateCommandTag(raw->stmt), plans, nullptr);
    PortalStart(portal, nullptr, 0, InvalidSnapshot);
    DestReceiver *receiver = CreateDestReceiver(DestNone);
    QueryCompletion done;
    InitializeQueryCompletion(&done);
    PortalRun(portal, FETCH_ALL, true,
#if PG_VERSION_NUM < 180000
              true,
#endif
              receiver, receiver, &done);
    receiver->rDestroy(receiver);
    PortalDrop(portal, false);
    CommitTransactionCommand();
    MemoryContextSwitchTo(memory);
    return {done.commandTag, done.nprocessed};
}

/* The statement has a limit of its own, and what ends it at the caller's ends the worker's session.
 */
void lift_transaction_limit() {
#if PG_VERSION_NUM >= 170000
    set_option("transaction_timeout", "0");
#endif
}

void enter_session(const job_parts &job) {
    const std::string limit = std::to_string(job.header->timeout_ms);
    const std::string lock_limit = std::to_string(job.header->lock_timeout_ms);
    call([&] {
        StartTransactionCommand();
        RestoreLibraryState(job.libraries); // they may bring settings
        adopt_session(job);
        set_option("statement_timeout", limit.c_str());
        set_option("lock_timeout", lock_limit.c_str());
        lift_transaction_limit();
        CommitTransactionCommand();
    });
}

job_completion run_statement(const job_parts &job) {
    memory_context memory("confiture worker's statement");
    memory_scope scope(memory);
    if (job.header->timeout_ms > 0)
        call([&] { enable_timeout_after(STATEMENT_TIMEOUT, job.header->timeout_ms); });
    LocalTransactionId began_in = InvalidLocalTransactionId;
    try {
        call([&] { begin_transaction(began_in); });
        if (*job.names)
            check_names(job.statement, job.names);
        const job_completion done = call([&] { return run(job.statement); });
        disable_timeout(STATEMENT_TIMEOUT, false);
        QueryCancelPending = false; // too late for the statement, and not meant for what follows
        return done;
    } catch (const std::exception &) { // error or failure
        if (began_in == local_transaction(MyProc))
            say(message_nothing_kept);
        throw;
    }
}

/* What the statement has SET must not reach the receipt. */
void pass_receipt(const job_parts &job) {
    if (!take_receipt)
        throw std::logic_error("nobody takes receipts of workers");
    memory_context memory("confiture worker's receipt");
    memory_scope scope(memory);
    const std::string receipt = job.receipt;
    call([&] {
        SetCurrentStatementStartTimestamp();
        StartTransactionCommand();
        adopt_session(job);
        set_option("statement_timeout", "0");
        lift_transaction_limit();
        PushActiveSnapshot(GetTransactionSnapshot());
    });
    take_receipt(receipt);
    call([] {
        PopActiveSnapshot();
        CommitTransactionCommand();
    });
}

void serve(dsm_handle handle) {
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    dsm_segment *segment = call([&] { return dsm_attach(handle); });
    if (!segment) // the session has gone
        return;
    const job_parts job = read_parts(segment);
    call([&] {
        shm_mq_set_sender(job.queue, MyProc);
        pq_redirect_to_shm_mq(segment, shm_mq_attach(job.queue, segment, nullptr));
    });
    connect(*job.header);
    postmaster_watch::begin();
    debug_query_string = job.statement;
    pgstat_report_activity(STATE_RUNNING, job.statement);
    enter_session(job);
    say(message_begun);
    const job_completion done = run_statement(job);
    say(message_done, &done, sizeof done);
    if (*job.receipt)
        pass_receipt(job);
    say(message_end);
}

} // namespace

void on_top_level_done(void (*take)(const std::string &)) { take_receipt = take; }

} // namespace confiture::pg

void confiture_top_level_worker(Datum segment) {
    confiture::pg::boundary([&] { confiture::pg::serve(DatumGetUInt32(segment)); });
}
