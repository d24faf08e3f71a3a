#include "pg/tracer.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/hook_arguments.hpp"

namespace confiture::pg {

namespace {

observer *watching = nullptr;
bool hears_queries = false; // so does that one

/* How many statements run around what runs now; 0 while the top-level statement itself starts. */
int depth = 0;

/* A query between ExecutorStart and ExecutorEnd.  Cursors make them overlap, hence no stack. */
struct open_query {
    const QueryDesc *query = nullptr;
    int depth = 0;
    double elapsed_ms = 0;
    resources spent{};
    std::string text; // its beginning, of a nested one
};
std::vector<open_query> *open_queries = nullptr;
std::size_t told_before = 0; // those of the observer around the one that hears now

ProcessUtility_hook_type previous_utility = nullptr;
ExecutorStart_hook_type previous_start = nullptr;
ExecutorRun_hook_type previous_run = nullptr;
ExecutorFinish_hook_type previous_finish = nullptr;
ExecutorEnd_hook_type previous_end = nullptr;
object_access_hook_type previous_access = nullptr;
ExecutorCheckPerms_hook_type previous_permissions = nullptr;

open_query *find(const QueryDesc *query) {
    for (auto open = open_queries->rbegin(); open != open_queries->rend(); ++open)
        if (open->query == query)
            return &*open;
    return nullptr;
}

/* The text of one statement out of a string with several. */
std::string_view statement_text(const char *source, int location, int length) {
    if (!source)
        return {};
    std::string_view text(source);
    if (location > 0 && static_cast<std::size_t>(location) <= text.size())
        text.remove_prefix(static_cast<std::size_t>(location));
    if (length > 0 && static_cast<std::size_t>(length) < text.size())
        text = text.substr(0, static_cast<std::size_t>(length));
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

std::string beginning_of(const QueryDesc *query) {
    constexpr std::size_t most = 200;
    return depth == 0
               ? std::string()
               : std::string(statement_text(query->sourceText, query->plannedstmt->stmt_location,
                                            query->plannedstmt->stmt_len)
                                 .substr(0, most));
}

/* Runs one phase of a query one level deeper and adds up what it cost. */
template <typename F> void spend(QueryDesc *query, F &&phase) {
    const double started = now_ms();
    const resources before = resources_spent();
    depth++;
    PG_TRY();
    { phase(); }
    PG_FINALLY();
    { depth--; }
    PG_END_TRY();
    if (open_query *open = watching ? find(query) : nullptr) {
        open->elapsed_ms += now_ms() - started;
        open->spent += resources_spent() - before;
    }
}

void on_start(QueryDesc *query, int flags) {
    const bool traced = watching && hears_queries && !(flags & EXEC_FLAG_EXPLAIN_ONLY);
    if (traced)
        boundary([&] {
            watching->query_begins(plain_list(query->plannedstmt->relationOids));
            // Row counts cost little; timing every node would change what is measured.
            query->instrument_options |= INSTRUMENT_ROWS | INSTRUMENT_BUFFERS;
            open_queries->push_back({query, depth, 0, {}, beginning_of(query)});
        });
    const auto start = previous_start ? previous_start : standard_ExecutorStart;
    if (traced)
        spend(query, [&] { start(query, flags); });
    else
        start(query, flags);
}

void on_run(QueryDesc *query, ScanDirection direction,
            uint64 count CONFITURE_EXECUTE_ONCE_PARAMETER) {
    const auto run = previous_run ? previous_run : standard_ExecutorRun;
    if (watching && hears_queries)
        spend(query, [&] { run(query, direction, count CONFITURE_EXECUTE_ONCE_ARGUMENT); });
    else
        run(query, direction, count CONFITURE_EXECUTE_ONCE_ARGUMENT);
}

void on_finish(QueryDesc *query) {
    const auto finish = previous_finish ? previous_finish : standard_ExecutorFinish;
    if (watching && hears_queries)
        spend(query, [&] { finish(query); });
    else
        finish(query);
}

/* As EXPLAIN (ANALYZE, BUFFERS, TIMING off) prints it. */
const char *executed_plan(QueryDesc *query) {
    ExplainState *state = NewExplainState();
    state->analyze = true;
    state->buffers = true;
    state->timing = false;
    state->format = EXPLAIN_FORMAT_TEXT;
    ExplainBeginOutput(state);
    ExplainPrintPlan(state, query);
    ExplainPrintTriggers(state, query);
    ExplainEndOutput(state);
    return state->str->data;
}

void tell_ended(QueryDesc *query) {
    open_query *found = find(query);
    if (!found)
        return;
    const open_query ended = *found;
    open_queries->erase(open_queries->begin() + (found - open_queries->data()));
    if (ended.elapsed_ms >= watching->plan_threshold_ms() && query->planstate) {
        const char *plan = call([&] { return executed_plan(query); });
        watching->plan_executed(plan, ended.depth, ended.elapsed_ms);
    }
    if (ended.depth == 0)
        return;
    const PlannedStmt *planned = query->plannedstmt;
    watching->nested_ended(
        {statement_text(query->sourceText, planned->stmt_location, planned->stmt_len),
         GetCommandTagName(
             CreateCommandTag(reinterpret_cast<Node *>(const_cast<PlannedStmt *>(planned)))),
         ended.depth, ended.elapsed_ms, static_cast<std::int64_t>(query->estate->es_processed),
         ended.spent});
}

void on_end(QueryDesc *query) {
    if (watching && hears_queries && query->estate)
        boundary([&] { tell_ended(query); });
    if (previous_end)
        previous_end(query);
    else
        standard_ExecutorEnd(query);
}

void run_utility(CONFITURE_UTILITY_PARAMETERS) {
    if (previous_utility)
        previous_utility(CONFITURE_UTILITY_ARGUMENTS);
    else
        standard_ProcessUtility(CONFITURE_UTILITY_ARGUMENTS);
}

void on_utility(CONFITURE_UTILITY_PARAMETERS) {
    if (!watching)
        return run_utility(CONFITURE_UTILITY_ARGUMENTS);

    // Parts of a statement, such as the index of CREATE TABLE … PRIMARY KEY, are that statement.
    const bool nested = depth > 0 && context != PROCESS_UTILITY_SUBCOMMAND;
    const char *tag = GetCommandTagName(CreateCommandTag(planned->utilityStmt));
    const int location = planned->stmt_location, length = planned->stmt_len;
    const int at_depth = depth;
    boundary([&] {
        if (nested)
            watching->relations_locked();
        watching->utility_begins(tag, relations_of(planned->utilityStmt));
        if (const auto effect = outside_effect_of_node(planned->utilityStmt);
            effect != outside_effect::none)
            watching->leaves_transaction(effect, statement_text(source, location, length));
    });
    const double started = now_ms();
    const resources before = resources_spent();

    depth++;
    PG_TRY();
    { run_utility(CONFITURE_UTILITY_ARGUMENTS); }
    PG_FINALLY();
    { depth--; }
    PG_END_TRY();

    if (nested && watching)
        boundary([&] {
            const auto rows =
                completion ? static_cast<std::int64_t>(completion->nprocessed) : std::int64_t{0};
            watching->nested_ended({statement_text(source, location, length), tag, at_depth,
                                    now_ms() - started, rows, resources_spent() - before});
        });
}

/* The one that runs now; others are left there by errors that a block has caught. */
std::string innermost_query() {
    for (std::size_t i = open_queries->size(); i > told_before; i--)
        if ((*open_queries)[i - 1].depth == depth - 1)
            return (*open_queries)[i - 1].text;
    return {};
}

std::optional<object_event::action> action_of(ObjectAccessType access) {
    switch (access) {
    case OAT_POST_CREATE:
        return object_event::action::created;
    case OAT_POST_ALTER:
        return object_event::action::altered;
    case OAT_DROP:
        return object_event::action::dropped;
#if PG_VERSION_NUM >= 140000
    case OAT_TRUNCATE:
        return object_event::action::truncated;
#endif
    default:
        return std::nullopt;
    }
}

void on_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument) {
    if (previous_access)
        previous_access(access, class_id, object_id, sub_id, argument);
    if (!watching)
        return;
    if (access == OAT_FUNCTION_EXECUTE)
        boundary([&] { watching->function_called(object_id, innermost_query()); });
    const auto action = action_of(access);
    if (action)
        boundary([&] { watching->object_touched({*action, class_id, object_id, sub_id}); });
}

/* COPY opens no executor, but has its permissions checked. */
bool on_permissions(CONFITURE_PERMISSION_PARAMETERS) {
    if (watching && hears_queries)
        boundary([] { watching->relations_locked(); });
    return previous_permissions ? previous_permissions(CONFITURE_PERMISSION_ARGUMENTS) : true;
}

/* AbortSubTransaction() calls before it releases the locks. */
void on_subtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
    if (event != SUBXACT_EVENT_ABORT_SUB || !watching)
        return;
    try {
        watching->subtransaction_aborts();
    } catch (...) { // an abort goes on whatever happens
    }
}

} // namespace

observation::observation(observer &wanted)
    : before_(watching), heard_before_(hears_queries), depth_before_(depth),
      queries_before_(told_before) {
    told_before = open_queries->size();
    begin_statement();
    watching = &wanted;
    hears_queries = wanted.hears_queries();
}

observation::~observation() {
    begin_statement();
    watching = before_;
    hears_queries = heard_before_;
    depth = depth_before_;
    told_before = queries_before_;
}

unobserved::unobserved() noexcept : before_(watching) { watching = nullptr; }

unobserved::~unobserved() { watching = before_; }

void observation::begin_statement() {
    depth = 0;
    open_queries->resize(told_before);
}

void install_tracer() {
    open_queries = new std::vector<open_query>; // lives as long as the backend
    previous_utility = ProcessUtility_hook;
    ProcessUtility_hook = on_utility;
    previous_start = ExecutorStart_hook;
    ExecutorStart_hook = on_start;
    previous_run = ExecutorRun_hook;
    ExecutorRun_hook = on_run;
    previous_finish = ExecutorFinish_hook;
    ExecutorFinish_hook = on_finish;
    previous_end = ExecutorEnd_hook;
    ExecutorEnd_hook = on_end;
    previous_access = object_access_hook;
    object_access_hook = on_access;
    previous_permissions = ExecutorCheckPerms_hook;
    ExecutorCheckPerms_hook = on_permissions;
    RegisterSubXactCallback(on_subtransaction, nullptr);
}

} // namespace confiture::pg
