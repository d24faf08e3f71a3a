#include "pg/execute.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"

namespace confiture::pg {

static List *analyze(RawStmt *raw, const char *source) {
    PushActiveSnapshot(GetTransactionSnapshot());
#if PG_VERSION_NUM >= 150000
    List *queries = pg_analyze_and_rewrite_fixedparams(raw, source, nullptr, 0, nullptr);
#else
    List *queries = pg_analyze_and_rewrite(raw, source, nullptr, 0, nullptr);
#endif
    List *plans = pg_plan_queries(queries, source, CURSOR_OPT_PARALLEL_OK, nullptr);
    PopActiveSnapshot();
    return plans;
}

static void run_query(PlannedStmt *planned, const char *source, DestReceiver *receiver,
                      QueryCompletion *done) {
    QueryDesc *query = CreateQueryDesc(planned, source, GetActiveSnapshot(), InvalidSnapshot,
                                       receiver, nullptr, nullptr, 0);
    ExecutorStart(query, 0);
#if PG_VERSION_NUM >= 180000
    ExecutorRun(query, ForwardScanDirection, 0);
#else
    ExecutorRun(query, ForwardScanDirection, 0, true);
#endif
    SetQueryCompletion(done, CreateCommandTag(reinterpret_cast<Node *>(planned)),
                       query->estate->es_processed);
    ExecutorFinish(query);
    ExecutorEnd(query);
    FreeQueryDesc(query);
}

static void run_utility(PlannedStmt *planned, const char *source, DestReceiver *receiver,
                        QueryCompletion *done) {
#if PG_VERSION_NUM >= 140000
    ProcessUtility(planned, source, false, PROCESS_UTILITY_QUERY, nullptr, nullptr, receiver, done);
#else
    ProcessUtility(planned, source, PROCESS_UTILITY_QUERY, nullptr, nullptr, receiver, done);
#endif
    if (done->commandTag == CMDTAG_UNKNOWN)
        SetQueryCompletion(done, CreateCommandTag(planned->utilityStmt), 0);
}

/* As execute_sql_string() of extension.c does for one statement. */
static QueryCompletion run_raw(RawStmt *raw, const char *source) {
    DestReceiver *receiver = CreateDestReceiver(DestNone);
    QueryCompletion done;
    InitializeQueryCompletion(&done);
    CommandCounterIncrement();
    ListCell *cell;
    List *plans = analyze(raw, source);
    foreach (cell, plans) {
        auto *planned = static_cast<PlannedStmt *>(lfirst(cell));
        CommandCounterIncrement();
        PushActiveSnapshot(GetTransactionSnapshot());
        if (planned->utilityStmt)
            run_utility(planned, source, receiver, &done);
        else
            run_query(planned, source, receiver, &done);
        PopActiveSnapshot();
    }
    CommandCounterIncrement();
    return done;
}

completion run_statement(std::string_view statement, bool plain_form, memory_context &memory) {
    memory.reset();
    memory_scope scope(memory);
    const std::string source(statement);
    RawStmt *raw = parse_statement(source.c_str());
    if (plain_form)
        make_plain(raw->stmt);
    const QueryCompletion done = call([&] { return run_raw(raw, source.c_str()); });
    return {GetCommandTagName(done.commandTag), static_cast<std::int64_t>(done.nprocessed)};
}

void set_constraints_immediate(memory_context &memory) {
    run_statement("SET CONSTRAINTS ALL IMMEDIATE", false, memory);
}

} // namespace confiture::pg
