#include "pg/boundary.hpp"

#include "pg/error_context.hpp"

namespace confiture::pg {

error::holder::~holder() {
    if (context)
        MemoryContextDelete(context);
}

static const ErrorData &data(const error &raised) { return *raised.held()->data; }
static std::string text(const char *value) { return value ? value : ""; }

const char *error::what() const noexcept {
    return held_->data->message ? held_->data->message : "missing error text";
}
std::string error::sqlstate() const { return unpack_sql_state(data(*this).sqlerrcode); }
std::string error::detail() const { return text(data(*this).detail); }
std::string error::hint() const { return text(data(*this).hint); }
std::string error::context() const { return text(data(*this).context); }
std::string error::schema() const { return text(data(*this).schema_name); }
std::string error::table() const { return text(data(*this).table_name); }
std::string error::column() const { return text(data(*this).column_name); }
std::string error::data_type() const { return text(data(*this).datatype_name); }
std::string error::constraint() const { return text(data(*this).constraint_name); }
std::string error::internal_query() const { return text(data(*this).internalquery); }
int error::position() const noexcept {
    return held_->data->cursorpos ? held_->data->cursorpos : held_->data->internalpos;
}
bool error::is_intervention() const { return sqlstate().rfind("57", 0) == 0; }

void add_context(const error &raised, const std::string &line) noexcept {
    const std::string before = raised.context();
    const std::string joined = before.empty() ? line : before + "\n" + line;
    error::holder &held = *raised.held();
    auto *copy = static_cast<char *>(
        MemoryContextAllocExtended(held.context, joined.size() + 1, MCXT_ALLOC_NO_OOM));
    if (copy)
        held.data->context =
            static_cast<char *>(std::memcpy(copy, joined.c_str(), joined.size() + 1));
}

namespace internal {

/* Copies the ERROR being handled.  CopyErrorData() can itself run out of memory: a second PG_TRY
 * turns that into an answer. */
static bool copy_error(MemoryContext caller, error::holder &caught) noexcept {
    MemoryContext volatile context = nullptr;
    ErrorData *volatile copy = nullptr;
    volatile bool copied = true;

    PG_TRY();
    {
        // Outlives the transaction and any context that unwinding will delete.
        context =
            AllocSetContextCreate(TopMemoryContext, "confiture caught error", ALLOCSET_SMALL_SIZES);
        MemoryContextSwitchTo(context);
        copy = CopyErrorData();
    }
    PG_CATCH();
    { copied = false; }
    PG_END_TRY();

    FlushErrorState();
    MemoryContextSwitchTo(caller);
    if (!copied && context)
        MemoryContextDelete(context);
    else if (copied) {
        caught.context = context;
        caught.data = copy;
    }
    return copied;
}

bool run_and_catch(void (*body)(void *), void *argument, error::holder &caught) noexcept {
    MemoryContext caller = CurrentMemoryContext;
    volatile bool copied = true;

    // errfinish() zeroes these counters, so an ERROR could not be undone here.
    Assert(InterruptHoldoffCount == 0 && CritSectionCount == 0);

    PG_TRY();
    { body(argument); }
    PG_CATCH();
    { copied = copy_error(caller, caught); }
    PG_END_TRY();
    return copied;
}

static char *copy_or_null(const char *source) noexcept {
    const std::size_t size = std::strlen(source) + 1;
    if (size == 1 || size > MaxAllocSize)
        return nullptr;
    auto *copy = static_cast<char *>(palloc_extended(size, MCXT_ALLOC_NO_OOM));
    return copy ? static_cast<char *>(std::memcpy(copy, source, size)) : nullptr;
}

/* Gives the ErrorData to a context that outlives the exception. */
void pending_error::take(const error &raised, MemoryContext owner) noexcept {
    error::holder &held = *raised.held();
    from_postgres = held.data;
    if (held.context)
        MemoryContextSetParent(held.context, owner);
    held.context = nullptr;
}

void pending_error::set(int code, const char *message_text, const char *detail_text,
                        const char *hint_text) noexcept {
    sqlstate = code;
    message = copy_or_null(message_text);
    detail = copy_or_null(detail_text);
    hint = copy_or_null(hint_text);
}

void pending_error::set(const failure &raised) noexcept {
    const char *code = raised.state.code;
    set(MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]), raised.message.c_str(),
        raised.detail.c_str(), raised.hint.c_str());
    context = copy_or_null(raised.context.c_str());
    schema = copy_or_null(raised.schema.c_str());
    table = copy_or_null(raised.table.c_str());
    column = copy_or_null(raised.column.c_str());
    data_type = copy_or_null(raised.data_type.c_str());
    constraint = copy_or_null(raised.constraint.c_str());
}

/* Adds a field to the error that is being made. */
static int name_object(int field, const char *name) {
    return name ? err_generic_string(field, name) : 0;
}

void pending_error::raise() const {
    if (from_postgres)
        ReThrowError(from_postgres);
    // errfinish() would let the callers add to the context what they added to the first error's;
    // whoever catches this one puts the stack back, as PG_CATCH() and PostgresMain() do.
    if (context)
        error_context_stack = nullptr;
    ereport(ERROR,
            (errcode(sqlstate), errmsg_internal("%s", message ? message : "out of memory"),
             detail ? errdetail_internal("%s", detail) : 0, hint ? errhint("%s", hint) : 0,
             context ? (errcontext("%s", context)) : 0, name_object(PG_DIAG_SCHEMA_NAME, schema),
             name_object(PG_DIAG_TABLE_NAME, table), name_object(PG_DIAG_COLUMN_NAME, column),
             name_object(PG_DIAG_DATATYPE_NAME, data_type),
             name_object(PG_DIAG_CONSTRAINT_NAME, constraint)));
    pg_unreachable();
}

} // namespace internal
} // namespace confiture::pg
