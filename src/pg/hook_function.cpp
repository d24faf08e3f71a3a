#include "pg/hook_function.hpp"

#include "pg/boundary.hpp"
#include "pg/catalog.hpp"
#include "pg/compat.hpp"
#include "pg/jsonb.hpp"

extern "C" {
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/inval.h"
#include "utils/regproc.h"
#include "utils/typcache.h"
}

namespace confiture::pg {

namespace {

/* Counts changes of functions, roles and types. */
constinit std::uint64_t changes = 1;
constinit bool listening = false;

void on_change(Datum, compat::cache_identifier, uint32) { changes++; }

void listen_for_changes() {
    if (listening)
        return;
    call([] {
        CacheRegisterSyscacheCallback(PROCOID, on_change, Datum{0});
        CacheRegisterSyscacheCallback(AUTHOID, on_change, Datum{0});
        CacheRegisterSyscacheCallback(TYPEOID, on_change, Datum{0});
    });
    listening = true;
}

/* The types of the extension, which another CREATE EXTENSION makes anew. */
struct hook_types {
    std::uint64_t seen; // of `changes`
    Oid context, result, phase;
    TupleDesc context_row; // in TopMemoryContext
};
constinit hook_types known{};

Oid type_of_ours(const char *name) {
    const Oid schema = extension_schema();
    const Oid type = call([&] {
        return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
                               ObjectIdGetDatum(schema));
    });
    if (!OidIsValid(type))
        throw failure{configuration_invalid, "the extension confiture is not installed",
                      std::string("There is no type confiture.") + name + ".",
                      "CREATE EXTENSION confiture."};
    return type;
}

/* A copy in TopMemoryContext, with the columns that this code knows: a type can be altered. */
TupleDesc row_of(Oid type, std::initializer_list<Oid> columns) {
    TupleDesc row = call([&] {
        MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
        TupleDesc copy = BlessTupleDesc(lookup_rowtype_tupdesc_copy(type, -1));
        MemoryContextSwitchTo(before);
        return copy;
    });
    int index = 0;
    bool same = static_cast<std::size_t>(row->natts) == columns.size();
    for (const Oid column : columns)
        same = same && TupleDescAttr(row, index++)->atttypid == column;
    if (same)
        return row;
    FreeTupleDesc(row);
    throw failure{configuration_invalid, "a type of the extension confiture was altered",
                  "It is not as the extension made it.",
                  "DROP EXTENSION confiture, then CREATE EXTENSION confiture."};
}

const hook_types &types() {
    listen_for_changes();
    if (known.seen == changes)
        return known;
    hook_types fresh{changes, type_of_ours("hook_context"), type_of_ours("hook_result"),
                     type_of_ours("hook_phase"), nullptr};
    FreeTupleDesc(row_of(fresh.result,
                         {fresh.phase, TEXTOID, INT8OID, JSONBOID, FLOAT8OID, TEXTOID, JSONBOID}));
    fresh.context_row = row_of(fresh.context, {TEXTOID, TEXTOID, TEXTOID, fresh.phase, BOOLOID,
                                               INT8OID, FLOAT8OID, JSONBOID, JSONBOID, JSONBOID});
    if (known.context_row)
        FreeTupleDesc(known.context_row);
    known = fresh;
    return known;
}

enum class argument_form : std::uint8_t { context, jsonb };
enum class return_form : std::uint8_t { result, rows, stats, nothing };

/* What pg_proc says of a function. */
struct catalog_entry {
    bool is_hook;
    argument_form takes;
    return_form gives;
    Oid owner;
};

catalog_entry read_catalog(Oid function, const hook_types &ours) {
    return call([&]() -> catalog_entry {
        HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
        if (!HeapTupleIsValid(tuple))
            return {};
        auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
        catalog_entry found{row->prokind == PROKIND_FUNCTION && !row->proretset &&
                                row->pronargs == 1 && !OidIsValid(row->provariadic),
                            argument_form::context, return_form::result, row->proowner};
        const Oid argument = row->pronargs == 1 ? row->proargtypes.values[0] : InvalidOid;
        if (argument == JSONBOID)
            found.takes = argument_form::jsonb;
        else if (argument != ours.context)
            found.is_hook = false;
        if (row->prorettype == INT8OID)
            found.gives = return_form::rows;
        else if (row->prorettype == JSONBOID)
            found.gives = return_form::stats;
        else if (row->prorettype == VOIDOID)
            found.gives = return_form::nothing;
        else if (row->prorettype != ours.result)
            found.is_hook = false;
        ReleaseSysCache(tuple);
        return found;
    });
}

void check_may_execute(Oid function, const std::string &signature) {
    call([&] {
#if PG_VERSION_NUM >= 160000
        const AclResult allowed =
            object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE);
#else
        const AclResult allowed = pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE);
#endif
        if (allowed != ACLCHECK_OK)
            aclcheck_error(allowed, OBJECT_FUNCTION, signature.c_str());
        InvokeFunctionExecuteHook(function);
    });
}

Oid look_up(const std::string &signature) {
    return call([&]() -> Oid {
        LOCAL_FCINFO(info, 1);
        InitFunctionCallInfoData(*info, nullptr, 1, InvalidOid, nullptr, nullptr);
        info->args[0].value = PointerGetDatum(cstring_to_text(signature.c_str()));
        info->args[0].isnull = false;
        const Datum found = to_regprocedure(info);
        return info->isnull ? InvalidOid : DatumGetObjectId(found);
    });
}

[[noreturn]] void not_there(const std::string &function) {
    throw failure{configuration_invalid, "function " + function + " does not exist",
                  "A hook calls it.",
                  "Create it, or unregister the hook; if an extension was dropped, its hooks "
                  "went with it."};
}

/* The same members as confiture.hook_context has. */
value as_jsonb(const hook_input &input) {
    jsonb_builder json;
    json.begin_object();
    json.key("migration_version");
    if (input.version)
        json.string(*input.version);
    else
        json.null();
    json.member("migration_name", input.name);
    json.member("direction", input.direction);
    json.key("phase");
    if (input.phase)
        json.string(input.phase);
    else
        json.null();
    json.member("dry_run", input.dry_run);
    json.key("rows_affected");
    if (input.rows_affected)
        json.integer(*input.rows_affected);
    else
        json.null();
    json.member("execution_time_ms", input.execution_time_ms);
    json.key("config");
    json.document(input.config);
    json.key("stats");
    json.document(input.stats);
    json.key("error");
    json.document(input.error);
    json.end_object();
    return json.finish();
}

/* Plain data of what a function returned, in the current memory context. */
struct returned {
    Datum rows, stats;
    bool has_rows, has_stats;
};

returned read_result(return_form form, Datum result, bool null) {
    returned read{};
    if (null || form == return_form::nothing)
        return read;
    if (form == return_form::rows) {
        read.rows = result;
        read.has_rows = true;
    } else if (form == return_form::stats) {
        read.stats = result;
        read.has_stats = true;
    } else {
        constexpr AttrNumber rows_affected = 3, stats = 4; // of confiture.hook_result
        HeapTupleHeader row = DatumGetHeapTupleHeader(result);
        bool missing;
        read.rows = GetAttributeByNum(row, rows_affected, &missing);
        read.has_rows = !missing;
        read.stats = GetAttributeByNum(row, stats, &missing);
        read.has_stats = !missing;
    }
    if (read.has_stats)
        read.stats = JsonbPGetDatum(DatumGetJsonbP(read.stats)); // detoasted
    return read;
}

} // namespace

struct hook_functions::function {
    Oid id = InvalidOid;
    std::uint64_t seen = 0; // of `changes`
    std::string owner;
    argument_form takes = argument_form::context;
    return_form gives = return_form::nothing;
    memory_context memory{"confiture hook function"}; // what the language makes of the function
    FmgrInfo handle{};
};

hook_functions::hook_functions() : argument_memory_("confiture hook argument") {
    listen_for_changes();
}
hook_functions::~hook_functions() = default;

const hook_functions::function &hook_functions::find(const std::string &signature) {
    if (const auto found = found_.find(signature);
        found != found_.end() && found->second->seen == changes)
        return *found->second;
    const hook_types &ours = types();
    const Oid id = look_up(signature);
    if (!OidIsValid(id))
        not_there(signature);
    const catalog_entry entry = read_catalog(id, ours);
    if (!entry.is_hook)
        throw failure{configuration_invalid,
                      "function " + signature + " has not the signature of a hook", "",
                      "A hook takes one confiture.hook_context, or the same as one jsonb, and "
                      "returns confiture.hook_result, bigint, jsonb or void."};
    check_may_execute(id, signature);
    auto fresh = std::make_shared<function>();
    fresh->id = id;
    fresh->owner = pg::call([&] { return GetUserNameFromId(entry.owner, false); });
    fresh->takes = entry.takes;
    fresh->gives = entry.gives;
    pg::call([&] {
        fmgr_info_cxt(id, &fresh->handle, static_cast<MemoryContext>(fresh->memory.handle()));
    });
    fresh->seen = changes;
    return *(found_[signature] = std::move(fresh));
}

std::uint64_t hook_functions::revision() {
    pg::call([] { AcceptInvalidationMessages(); });
    return changes;
}

const std::string &hook_functions::owner(const function &found) { return found.owner; }

std::string hook_functions::definition(const function &found) {
    return pg::call([&] {
        const Datum text = DirectFunctionCall1(pg_get_functiondef, ObjectIdGetDatum(found.id));
        return text_to_cstring(reinterpret_cast<struct varlena *>(DatumGetPointer(text)));
    });
}

/* Hooks that follow each other are often told the same: it is built once. */
value hook_functions::argument_for(const function &found, const hook_input &input) {
    if (!(told_ == input)) {
        told_.reset();
        argument_memory_.reset();
        context_ = json_ = {};
        told_ = input;
    }
    value &argument = found.takes == argument_form::jsonb ? json_ : context_;
    if (argument.null) {
        const memory_scope scope(argument_memory_);
        argument = found.takes == argument_form::jsonb ? as_jsonb(input) : hook_context(input);
    }
    return argument;
}

hook_output hook_functions::call(const function &found, const hook_input &input) {
    const value argument = argument_for(found, input);
    const returned result = pg::call([&]() -> returned {
        LOCAL_FCINFO(info, 1);
        // The handle keeps what the language makes of the function from one call to the next.
        InitFunctionCallInfoData(*info, const_cast<FmgrInfo *>(&found.handle), 1, InvalidOid,
                                 nullptr, nullptr);
        info->args[0].value = argument.datum;
        info->args[0].isnull = false;
        CommandCounterIncrement();
        PushActiveSnapshot(GetTransactionSnapshot());
        const Datum datum = FunctionCallInvoke(info);
        const returned read = read_result(found.gives, datum, info->isnull);
        PopActiveSnapshot();
        CommandCounterIncrement();
        return read;
    });
    hook_output output;
    if (result.has_rows)
        output.rows = DatumGetInt64(result.rows);
    if (result.has_stats)
        output.stats = jsonb_image(value{result.stats, false});
    return output;
}

value hook_phase(const char *label) {
    const Oid type = types().phase;
    return {pg::call([&] {
                return DirectFunctionCall2(enum_in, CStringGetDatum(label), ObjectIdGetDatum(type));
            }),
            false};
}

value hook_context(const hook_input &input) {
    const value members[] = {input.version ? text(*input.version) : value{},
                             text(input.name),
                             text(input.direction),
                             input.phase ? hook_phase(input.phase) : value{},
                             boolean(input.dry_run),
                             input.rows_affected ? bigint(*input.rows_affected) : value{},
                             real(input.execution_time_ms),
                             jsonb(input.config),
                             jsonb(input.stats),
                             jsonb(input.error)};
    Datum data[std::size(members)];
    bool nulls[std::size(members)];
    for (std::size_t i = 0; i < std::size(members); i++) {
        data[i] = members[i].datum;
        nulls[i] = members[i].null;
    }
    TupleDesc row = types().context_row;
    return {pg::call([&] { return HeapTupleGetDatum(heap_form_tuple(row, data, nulls)); }), false};
}

std::string function_argument(const arguments &arguments, int index) {
    FunctionCallInfo fcinfo = arguments.handle();
    const Oid function = PG_GETARG_OID(index);
    const char *signature = pg::call([&]() -> const char * {
        return SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(function))
                   ? format_procedure_qualified(function)
                   : nullptr;
    });
    if (!signature) // regprocedure takes any number
        not_there(std::to_string(function));
    return signature;
}

} // namespace confiture::pg
