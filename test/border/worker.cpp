/*
 * Functions for test/cluster/worker.t alone: a procedure that runs a statement in a worker, and a
 * receipt that is a row.
 */
#include "pg/boundary.hpp"

#include "pg/function.hpp"
#include "pg/query.hpp"
#include "pg/worker.hpp"

namespace {

namespace pg = confiture::pg;

/* Ends the transaction that CALL has begun, so that no snapshot is held. */
void commit(const pg::arguments &arguments) {
    const Node *context = arguments.handle()->context;
    pg::call([&] {
        if (!context || !IsA(context, CallContext) ||
            reinterpret_cast<const CallContext *>(context)->atomic)
            ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
                            errmsg("not in a transaction block")));
        SPI_connect_ext(SPI_OPT_NONATOMIC);
        SPI_commit();
        SPI_start_transaction();
    });
}

void take(const std::string &receipt) {
    pg::query("INSERT INTO border.receipts (receipt) VALUES ($1)", {receipt});
}

} // namespace

extern "C" __attribute__((visibility("default"))) void
_PG_init(); // NOLINT(bugprone-reserved-identifier)

void _PG_init() { pg::on_top_level_done(take); }

/* The tag and the number of rows come as INFO. */
CONFITURE_FUNCTION(confiture_border_run_at_top_level) {
    const pg::top_level_job job{arguments.text(0), arguments.text(1), arguments.integer(2)};
    commit(arguments);
    try {
        pg::worker_watch watch;
        const pg::completion done = pg::run_at_top_level(job, watch);
        pg::call([&] {
            ereport(INFO, (errmsg("%s %lld", done.tag, static_cast<long long>(done.rows))));
            SPI_finish();
        });
    } catch (const pg::worker_lost &lost) {
        static constexpr const char *names[] = {"not begun", "unknown", "done"};
        confiture::failure told(lost);
        told.message += std::string(" [") + names[static_cast<int>(lost.known)] + "]";
        throw told;
    } catch (const pg::error &raised) {
        const std::string place = std::to_string(raised.position());
        pg::call([&] { ereport(INFO, (errmsg("position %s", place.c_str()))); });
        throw;
    }
    return {};
}

/* The same of a caller who has not committed. */
CONFITURE_FUNCTION(confiture_border_run_in_transaction) {
    pg::worker_watch watch;
    pg::run_at_top_level({arguments.text(0), "", 0}, watch);
    return {};
}
