#include "pg/worker.hpp"

#include "pg/awaited_lock.hpp"
#include "pg/boundary.hpp"
#include "pg/memory.hpp"
#include "pg/progress.hpp"
#include "pg/tracer.hpp"
#include "pg/worker_job.hpp"

#include <algorithm>
#include <csignal>
#include <map>
#include <unordered_map>

#include <dlfcn.h>

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
}

namespace confiture::pg {

static std::string message_of(worker_lost::outcome known) {
    switch (known) {
    case worker_lost::outcome::not_begun:
        return "the background worker ended before it began the statement";
    case worker_lost::outcome::done:
        return "the statement was run, but the background worker ended before it noted so";
    default:
        return "the background worker was lost, and the outcome of its statement is unknown";
    }
}

static std::string hint_of(worker_lost::outcome known) {
    switch (known) {
    case worker_lost::outcome::not_begun:
        return "Nothing was run. The server log may say more.";
    case worker_lost::outcome::done:
        return "It must not be run again.";
    default:
        return "Look at what the statement makes before it is run again.";
    }
}

worker_lost::worker_lost(outcome known, const std::string &cause)
    : failure(lost_worker, message_of(known),
              cause.empty() ? "It ended without a word." : "It ended with: " + cause + ".",
              hint_of(known)),
      known(known) {}

failure wait_caused_too_long(int limit_ms) {
    return failure{
        limit_exceeded,
        "another session has waited for a lock of it longer than confiture.max_wait_caused (" +
            std::to_string(limit_ms) + " ms)",
        "", "Run it when less is going on, make the step shorter, or raise the limit."};
}

failure lock_held_too_long(int limit_ms) {
    return failure{limit_exceeded,
                   "a lock that blocks writers was held longer than confiture.max_lock_hold (" +
                       std::to_string(limit_ms) + " ms)",
                   "", "Make the step shorter, or raise the limit."};
}

namespace {

constexpr Size queue_size = 64 * 1024;

/* As the server wants it in the registration: its field was short up to 15. */
std::string own_library() {
    Dl_info found{};
    if (!dladdr(reinterpret_cast<void *>(confiture_top_level_worker), &found))
        throw std::logic_error("the library does not know its own file");
    const std::string file = found.dli_fname, folder = std::string(pkglib_path) + "/";
    return file.compare(0, folder.size(), folder) == 0 ? "$libdir/" + file.substr(folder.size())
                                                       : file;
}

/* The session's half of the segment. */
class job_segment {
public:
    job_segment(const top_level_job &job, int lock_timeout_ms) {
        const job_header header{MyDatabaseId, GetSessionUserId(), GetCurrentRoleId(),
                                job.timeout_ms, lock_timeout_ms};
        const Size libraries = call([] { return EstimateLibraryStateSpace(); });
        const Size settings = call([] { return EstimateGUCStateSpace(); });
        const Size sizes[] = {sizeof header,
                              job.statement.size() + 1,
                              job.receipt.size() + 1,
                              job.names.size() + 1,
                              libraries,
                              settings,
                              queue_size};
        const Size whole = call([&] {
            shm_toc_estimator estimator;
            shm_toc_initialize_estimator(&estimator);
            for (const Size size : sizes)
                shm_toc_estimate_chunk(&estimator, size);
            shm_toc_estimate_keys(&estimator, std::size(sizes));
            return shm_toc_estimate(&estimator);
        });
        segment_ = call([&] {
            dsm_segment *segment = dsm_create(whole, 0);
            dsm_pin_mapping(segment); // ours to give up, not the transaction's
            return segment;
        });
        toc_ = shm_toc_create(job_magic, dsm_segment_address(segment_), whole);
        try {
            std::memcpy(part(part_header, sizeof header), &header, sizeof header);
            std::memcpy(part(part_statement, sizes[1]), job.statement.c_str(), sizes[1]);
            std::memcpy(part(part_receipt, sizes[2]), job.receipt.c_str(), sizes[2]);
            std::memcpy(part(part_names, sizes[3]), job.names.c_str(), sizes[3]);
            char *place = part(part_libraries, libraries);
            call([&] { SerializeLibraryState(libraries, place); });
            place = part(part_settings, settings);
            call([&] { SerializeGUCState(settings, place); });
            place = part(part_queue, queue_size);
            queue_ = call([&] {
                shm_mq *queue = shm_mq_create(place, queue_size);
                shm_mq_set_receiver(queue, MyProc);
                return shm_mq_attach(queue, segment_, nullptr);
            });
        } catch (...) {
            dsm_detach(segment_);
            throw;
        }
    }
    job_segment(const job_segment &) = delete;
    job_segment &operator=(const job_segment &) = delete;
    ~job_segment() { dsm_detach(segment_); }

    dsm_handle handle() const { return dsm_segment_handle(segment_); }
    shm_mq_handle *queue() const { return queue_; }

private:
    char *part(job_part key, Size size) {
        return call([&] {
            void *place = shm_toc_allocate(toc_, size);
            shm_toc_insert(toc_, key, place);
            return static_cast<char *>(place);
        });
    }

    dsm_segment *segment_;
    shm_toc *toc_;
    shm_mq_handle *queue_;
};

/* A worker on its way.  It has ended when this is destroyed, and when the session ends. */
class running_worker {
public:
    explicit running_worker(const job_segment &segment) : queue_(segment.queue()) {
        end_with_session();
        handle_ = start(segment.handle());
        shm_mq_set_handle(queue_, handle_);
        current = this;
    }
    running_worker(const running_worker &) = delete;
    running_worker &operator=(const running_worker &) = delete;
    ~running_worker() {
        current = nullptr;
        end();
        show_worker(0);
    }

    /* It has said its last word and is about to exit: no need to terminate it. */
    void says_no_more() { ending_ = true; }

    /* 0 before it has begun and after it has ended. */
    int process_id() const {
        pid_t found = 0;
        return GetBackgroundWorkerPid(handle_, &found) == BGWH_STARTED ? found : 0;
    }

private:
    static BackgroundWorkerHandle *start(dsm_handle segment) {
        const std::string library = own_library();
        BackgroundWorker worker{};
        if (library.size() >= sizeof worker.bgw_library_name)
            throw failure{configuration_invalid, "the path of the extension's library is too long",
                          library + " has " + std::to_string(library.size()) + " bytes.",
                          "Install the extension in a folder with a shorter name."};
        worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
        worker.bgw_start_time = BgWorkerStart_ConsistentState;
        worker.bgw_restart_time = BGW_NEVER_RESTART;
        std::memcpy(worker.bgw_library_name, library.c_str(), library.size());
        strlcpy(worker.bgw_function_name, "confiture_top_level_worker", BGW_MAXLEN);
        strlcpy(worker.bgw_name,
                ("confiture worker for process " + std::to_string(MyProcPid)).c_str(), BGW_MAXLEN);
        strlcpy(worker.bgw_type, "confiture worker", BGW_MAXLEN);
        worker.bgw_main_arg = UInt32GetDatum(segment);
        worker.bgw_notify_pid = MyProcPid;
        BackgroundWorkerHandle *handle = nullptr;
        if (!call([&] { return RegisterDynamicBackgroundWorker(&worker, &handle); }))
            throw failure{no_free_worker, "no background worker is free",
                          "The statement must run outside of transactions, in a background worker, "
                          "and all that max_worker_processes (" +
                              std::to_string(max_worker_processes) +
                              ") allows are taken. Nothing was run.",
                          "Try again later, or raise max_worker_processes, which takes a restart."};
        return handle;
    }

    /* Raises nothing.  The queue goes first: a worker that had filled it would wait for room. */
    void end() {
        if (!ending_)
            TerminateBackgroundWorker(handle_);
        shm_mq_detach(queue_);
        // What ended our wait, or comes meanwhile, is told when this is over.  HOLD_INTERRUPTS()
        // and its other half, but for the ++ of a volatile.
        InterruptHoldoffCount = InterruptHoldoffCount + 1;
        WaitForBackgroundWorkerShutdown(handle_);
        InterruptHoldoffCount = InterruptHoldoffCount - 1;
    }

    /* A FATAL error destroys nothing.  Callbacks are run the youngest first: this one before those
     * that every session has from its start, which roll back and release its locks. */
    static void end_with_session() {
        if (registered)
            return;
        call([] {
            before_shmem_exit(
                [](int, Datum) {
                    running_worker *left = current;
                    current = nullptr;
                    if (left)
                        left->end();
                },
                0);
        });
        registered = true;
    }

    static constinit running_worker *current;
    static constinit bool registered;

    shm_mq_handle *queue_;
    BackgroundWorkerHandle *handle_;
    bool ending_ = false;
};

constinit running_worker *running_worker::current = nullptr;
constinit bool running_worker::registered = false;

/* Does the worker wait for us, or for sessions that do?  The server's own search does not see that
 * we wait for the worker. */
bool is_deadlock(int worker) {
    std::vector<int> waiting{worker};
    for (std::size_t i = 0; i < waiting.size(); i++)
        for (const int blocker : blockers_of(waiting[i])) {
            if (blocker == MyProcPid)
                return true;
            if (std::find(waiting.begin(), waiting.end(), blocker) == waiting.end())
                waiting.push_back(blocker);
        }
    return false;
}

/* Reads what the worker says up to its end. */
class conversation {
public:
    conversation(const job_segment &segment, running_worker &worker, bool needs_receipt,
                 worker_watch &watch)
        : queue_(segment.queue()), worker_(worker), needs_receipt_(needs_receipt), watch_(watch) {}

    completion listen() {
        memory_context memory("confiture worker's message");
        memory_scope scope(memory);
        while (!ended_) {
            // A notice on its way to our client may have looked into the catalog.
            InvalidateCatalogSnapshot();
            Size size = 0;
            void *data = nullptr;
            switch (call([&] { return shm_mq_receive(queue_, &size, &data, true); })) {
            case SHM_MQ_SUCCESS:
                take(static_cast<char *>(data), size);
                break;
            case SHM_MQ_DETACHED:
                lose("");
                break;
            case SHM_MQ_WOULD_BLOCK:
                wait();
                break;
            }
            memory.reset();
        }
        return {GetCommandTagName(done_.tag), static_cast<std::int64_t>(done_.rows)};
    }

private:
    using outcome = worker_lost::outcome;

    void wait() {
        constexpr long longest_pause_ms = 50, shortest_pause_ms = 5;
        const long pause_ms = watch_.lock_ms > 0 ? std::clamp(watch_.lock_ms / 4L,
                                                              shortest_pause_ms, longest_pause_ms)
                                                 : longest_pause_ms;
        call([&] {
            WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, pause_ms,
                      WAIT_EVENT_BGWORKER_SHUTDOWN);
            ResetLatch(MyLatch);
            CHECK_FOR_INTERRUPTS();
        });
        if (known_ == outcome::done || now_ms() - last_look_ms_ < static_cast<double>(pause_ms))
            return;
        last_look_ms_ = now_ms();
        const int process_id = worker_.process_id();
        if (process_id)
            look_at_others(process_id);
        const auto awaited = process_id ? awaited_lock(process_id) : std::nullopt;
        if (!awaited) {
            waiting_ = false;
            deadlocks_ = 0;
            call_on_caller(process_id);
            return;
        }
        note(*awaited, process_id);
        refuse_deadlock(process_id);
        if (is_too_long(watch_.waits.back()))
            cancel(process_id, {lock_timed_out, "canceling statement due to lock timeout"});
        call_on_caller(process_id);
    }

    void call_on_caller(int process_id) {
        constexpr double every_ms = 1000;
        if (!watch_.look || process_id == 0 || now_ms() - called_caller_ms_ < every_ms)
            return;
        called_caller_ms_ = now_ms();
        watch_.look(process_id, waiting_ ? &watch_.waits.back() : nullptr);
    }

    void look_at_others(int process_id) {
        if (watch_.wait_caused_ms > 0 && longest_wait_caused(process_id) >= watch_.wait_caused_ms)
            cancel(process_id, wait_caused_too_long(watch_.wait_caused_ms));
        if (watch_.lock_hold_ms > 0 && longest_hold(process_id) >= watch_.lock_hold_ms)
            cancel(process_id, lock_held_too_long(watch_.lock_hold_ms));
    }

    /* From when it is first seen: before that it may have waited for somebody else. */
    double longest_wait_caused(int process_id) {
        const double now = now_ms();
        std::map<int, double> since;
        double longest = 0;
        for (wait_caused &waiter : waiters_for(process_id)) {
            const auto seen = waiting_since_.find(waiter.process_id);
            const double began = seen == waiting_since_.end() ? now : seen->second;
            since[waiter.process_id] = began;
            waiter.longest_ms = now - began;
            longest = std::max(longest, waiter.longest_ms);
            if (watch_.waits_caused.empty() ||
                waiter.longest_ms >= watch_.waits_caused.front().longest_ms)
                watch_.waits_caused = {waiter};
        }
        waiting_since_ = std::move(since);
        return longest;
    }

    double longest_hold(int process_id) {
        const double now = now_ms();
        std::unordered_map<lock_tag, double, lock_tag_hash> since;
        double longest = 0;
        for (const lock_tag &tag : writers_blocked_by(process_id)) {
            const auto seen = held_since_.find(tag);
            since[tag] = seen == held_since_.end() ? now : seen->second;
            longest = std::max(longest, now - since[tag]);
        }
        held_since_ = std::move(since);
        return longest;
    }

    void note(const lock_wait &awaited, int process_id) {
        constexpr std::size_t most_waits = 1000;
        const bool goes_on = waiting_ && watch_.waits.back().tag == awaited.tag &&
                             watch_.waits.back().mode == awaited.mode;
        waiting_ = true;
        if (!goes_on) {
            if (watch_.waits.size() == most_waits)
                watch_.waits.erase(watch_.waits.begin());
            watch_.waits.push_back(awaited);
        }
        watch_.waits.back().ended_ms = now_ms();
        watch_.waits.back().blockers = blockers_of(process_id);
    }

    /* The first time may be the last: a session that waits for the migrator lock gives up. */
    void refuse_deadlock(int process_id) {
        constexpr double patience_ms = 1000;
        if (now_ms() - deadlock_looked_ms_ < patience_ms)
            return;
        deadlock_looked_ms_ = now_ms();
        deadlocks_ = is_deadlock(process_id) ? deadlocks_ + 1 : 0;
        if (deadlocks_ > 1)
            throw failure{deadlock_detected,
                          "the statement waits for a lock of the session that waits for it",
                          "It runs in a background worker, which has no locks of this session.",
                          "Let this session release its locks first."};
    }

    /* A statement that has a lock_timeout ends by it, a moment before, unless it has changed it. */
    bool is_too_long(const lock_wait &wait) const {
        constexpr double for_its_own_ms = 500;
        return watch_.lock_ms > 0 && !(watch_.transactions_may_last && is_transaction(wait.tag)) &&
               wait.ended_ms - wait.began_ms >=
                   watch_.lock_ms + (watch_.transactions_may_last ? 0 : for_its_own_ms);
    }

    /* Again at every look, for code that catches it. */
    void cancel(int process_id, const failure &reason) {
        if (!cancelled_)
            cancelled_ = reason;
        kill(process_id, SIGINT);
    }

    void take(char *data, Size size) {
        switch (data[0]) {
        case message_begun:
            known_ = outcome::unknown;
            show_worker(worker_.process_id());
            break;
        case message_done:
            std::memcpy(&done_, data + 1, sizeof done_);
            known_ = outcome::done;
            break;
        case message_nothing_kept:
            watch_.committed_nothing = true;
            break;
        case message_end:
            worker_.says_no_more();
            ended_ = true;
            break;
        case 'E':
        case 'N':
            pass_on(data + 1, size - 1);
            break;
        default: // what else a statement may send to a client is for nobody
            break;
        }
    }

    void pass_on(char *data, Size size) {
        ErrorData report{};
        StringInfoData message{};
        message.data = data;
        message.len = static_cast<int>(size);
        call([&] { pq_parse_errornotice(&message, &report); });
        if (report.elevel >= ERROR)
            worker_.says_no_more();
        // FATAL is the end of the worker, whatever ended it; an error after the statement is not
        // the statement's.
        if (report.elevel > ERROR || (report.elevel == ERROR && known_ == outcome::done))
            lose(report.message);
        if (report.elevel == ERROR && cancelled_ && report.sqlerrcode == ERRCODE_QUERY_CANCELED)
            throw failure(*cancelled_);
        call([&] { ThrowErrorData(&report); });
    }

    /* Where no receipt is asked for, a statement that is done lacks nothing. */
    void lose(const char *cause) {
        if (known_ == outcome::done && !needs_receipt_)
            ended_ = true;
        else
            throw worker_lost(known_, cause);
    }

    shm_mq_handle *const queue_;
    running_worker &worker_;
    const bool needs_receipt_;
    worker_watch &watch_;
    outcome known_ = outcome::not_begun;
    job_completion done_{};
    bool ended_ = false;
    int deadlocks_ = 0; // looks one after the other that found one
    double deadlock_looked_ms_ = now_ms();
    double last_look_ms_ = now_ms(), called_caller_ms_ = now_ms();
    bool waiting_ = false;                // at the last look
    std::map<int, double> waiting_since_; // process ids, for a lock of the worker
    std::unordered_map<lock_tag, double, lock_tag_hash> held_since_; // that block writers
    std::optional<failure> cancelled_;                               // by us, and why
};

void check_snapshots() {
    call([] { InvalidateCatalogSnapshot(); });
#if PG_VERSION_NUM >= 140000
    const TransactionId oldest = MyProc->xmin;
#else
    const TransactionId oldest = MyPgXact->xmin;
#endif
    if (ActiveSnapshotSet() || TransactionIdIsValid(oldest) ||
        TransactionIdIsValid(GetTopTransactionIdIfAny()))
        throw std::logic_error("the statement in a worker would wait for this transaction");
}

void check_role() {
    Oid user;
    int security_context;
    GetUserIdAndSecContext(&user, &security_context);
    const Oid role = GetCurrentRoleId();
    if (security_context != 0 || user != (OidIsValid(role) ? role : GetSessionUserId()))
        throw std::logic_error("a statement in a worker has the roles of its session only");
}

} // namespace

completion run_at_top_level(const top_level_job &job, worker_watch &watch) {
    if (!job.in_callers_transaction)
        check_snapshots();
    check_role();
    memory_context memory("confiture worker"); // outlives the handles in it
    memory_scope scope(memory);
    const job_segment segment(job, watch.transactions_may_last ? 0 : watch.lock_ms);
    running_worker worker(segment);
    return conversation(segment, worker, !job.receipt.empty(), watch).listen();
}

} // namespace confiture::pg
