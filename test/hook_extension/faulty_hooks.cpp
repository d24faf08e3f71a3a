/* Hooks in C++ that go wrong, or do what few hooks do. */
#include <stdexcept>
#include <string>

extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_MODULE_MAGIC;
}

/* Outside of extern "C": the header takes care of itself. */
#include "extension/confiture/confiture_hook.h"

namespace faulty {

CONFITURE_HOOK(tell);
CONFITURE_HOOK(tell_nothing);
CONFITURE_HOOK(raise_everything);
CONFITURE_HOOK(spin);
CONFITURE_HOOK(throw_exception);
CONFITURE_HOOK(throw_number);
CONFITURE_HOOK(throw_over_a_cancel);
CONFITURE_HOOK(sleep_long);
CONFITURE_HOOK(sleep_by_helper);
CONFITURE_HOOK(leave_open);
CONFITURE_HOOK(packed_stats);

/* Tells all that it was told. */
void tell(const ConfitureHookContext *context, ConfitureHookResult *result) {
    StringInfoData told;
    initStringInfo(&told);
    const auto text = [&](const char *name, const char *value) {
        appendStringInfo(&told, "\"%s\": %s%s%s, ", name, value ? "\"" : "", value ? value : "null",
                         value ? "\"" : "");
    };
    const auto document = [&](const char *name, Jsonb *value) {
        appendStringInfo(&told, "\"%s\": %s, ", name,
                         value ? JsonbToCString(nullptr, &value->root, VARSIZE(value)) : "null");
    };
    appendStringInfoChar(&told, '{');
    text("migration_version", context->migration_version);
    text("migration_name", context->migration_name);
    text("direction", context->direction);
    text("phase", context->phase);
    document("config", context->config);
    document("stats", context->stats);
    document("error", context->error);
    appendStringInfo(&told, "\"dry_run\": %s, \"rows_affected\": " INT64_FORMAT ", \"timed\": %s}",
                     context->dry_run ? "true" : "false", context->rows_affected,
                     context->execution_time_ms > 0 ? "true" : "false");
    result->stats = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(told.data)));
}

void tell_nothing(const ConfitureHookContext *, ConfitureHookResult *) {}

static void write(const char *statement) {
    SPI_connect();
    SPI_execute(statement, false, 0);
    SPI_finish();
}

void raise_everything(const ConfitureHookContext *, ConfitureHookResult *) {
    write("INSERT INTO written VALUES ('before an ERROR')");
    ereport(ERROR,
            (errcode(ERRCODE_CHECK_VIOLATION), errmsg("own message"), errdetail("Own detail."),
             errhint("Own hint."), err_generic_string(PG_DIAG_SCHEMA_NAME, "own_schema"),
             err_generic_string(PG_DIAG_TABLE_NAME, "own_table"),
             err_generic_string(PG_DIAG_COLUMN_NAME, "own_column"),
             err_generic_string(PG_DIAG_DATATYPE_NAME, "own_type"),
             err_generic_string(PG_DIAG_CONSTRAINT_NAME, "own_constraint")));
}

void spin(const ConfitureHookContext *, ConfitureHookResult *) {
    write("INSERT INTO written VALUES ('before a timeout')");
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        pg_usleep(1000);
    }
}

void throw_exception(const ConfitureHookContext *, ConfitureHookResult *) {
    write("INSERT INTO written VALUES ('before an exception')");
    throw std::runtime_error("thrown " + std::string("away"));
}

/* Of no type that anybody knows. */
void throw_number(const ConfitureHookContext *, ConfitureHookResult *) {
    write("INSERT INTO written VALUES ('before a number')");
    throw 42;
}

/* Takes a cancel for an error like any, and throws one of its own. */
void throw_over_a_cancel(const ConfitureHookContext *, ConfitureHookResult *) {
    write("INSERT INTO written VALUES ('before a cancel')");
    MemoryContext const before = CurrentMemoryContext;
    volatile bool caught = false;
    PG_TRY();
    {
        for (;;) {
            CHECK_FOR_INTERRUPTS();
            pg_usleep(1000);
        }
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(before);
        FlushErrorState();
        caught = true;
    }
    PG_END_TRY();
    if (caught)
        throw std::runtime_error("thrown over it");
}

void sleep_long(const ConfitureHookContext *, ConfitureHookResult *) { pg_usleep(700000); }

void sleep_by_helper(const ConfitureHookContext *, ConfitureHookResult *) {
    ConfitureHookSleep(700);
}

/* Forgets to clean up: a savepoint, SPI, a snapshot, the memory context, another role's rights. */
void leave_open(const ConfitureHookContext *, ConfitureHookResult *result) {
    BeginInternalSubTransaction(nullptr);
    SPI_connect();
    SPI_execute("INSERT INTO written VALUES ('left open')", false, 0);
    PushActiveSnapshot(GetTransactionSnapshot());
    MemoryContextSwitchTo(TopMemoryContext);
    SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, SECURITY_LOCAL_USERID_CHANGE);
    result->has_rows_affected = true;
    result->rows_affected = 7;
}

/* A value as a table holds it: with a short header. */
void packed_stats(const ConfitureHookContext *, ConfitureHookResult *result) {
    SPI_connect();
    SPI_execute("SELECT document FROM packed", true, 1);
    bool null;
    const Datum found = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
    auto *copy = static_cast<struct varlena *>(SPI_palloc(VARSIZE_ANY(DatumGetPointer(found))));
    memcpy(copy, DatumGetPointer(found), VARSIZE_ANY(DatumGetPointer(found)));
    SPI_finish();
    result->stats = reinterpret_cast<Jsonb *>(copy);
}

} // namespace faulty

extern "C" {

/* Not declared with CONFITURE_HOOK. */
PGDLLEXPORT void undeclared(const ConfitureHookContext *, ConfitureHookResult *);
void undeclared(const ConfitureHookContext *, ConfitureHookResult *) {}

/* Of a header that is yet to come. */
PGDLLEXPORT void of_the_future(const ConfitureHookContext *, ConfitureHookResult *);
PGDLLEXPORT int of_the_future_confiture_hook_version(void);
void of_the_future(const ConfitureHookContext *, ConfitureHookResult *) {}
int of_the_future_confiture_hook_version(void) { return CONFITURE_HOOK_API_VERSION + 1; }
}
