#include "pg/function.hpp"

#include "pg/boundary.hpp"
#include "pg/parse.hpp"

extern "C" {
#include "access/detoast.h"
}

namespace confiture::pg {

static_assert(std::is_same_v<Datum, std::uintptr_t>, "function.hpp spells Datum uintptr_t");

static FunctionCallInfo info(const arguments &call) { return call.handle(); }

value text(std::string_view content) {
    return {call([&] {
                return PointerGetDatum(
                    cstring_to_text_with_len(content.data(), static_cast<int>(content.size())));
            }),
            false};
}

value text_or_null(const std::optional<std::string> &content) {
    return content ? text(*content) : value{};
}
value integer(std::int32_t number) { return {Int32GetDatum(number), false}; }
value boolean(bool truth) { return {BoolGetDatum(truth), false}; }
value object_id(std::uint32_t oid) { return {ObjectIdGetDatum(oid), false}; }
value bigint(std::int64_t number) {
    return {call([&] { return Int64GetDatum(number); }), false};
}
value real(double number) {
    return {call([&] { return Float8GetDatum(number); }), false};
}

value clock_timestamp() {
    return {call([] { return TimestampTzGetDatum(GetCurrentTimestamp()); }), false};
}

value timestamp(std::int64_t microseconds) {
    return {call([&] { return TimestampTzGetDatum(microseconds); }), false};
}

value integer_array(const std::vector<int> &elements) {
    std::vector<Datum> data;
    data.reserve(elements.size());
    for (const int element : elements)
        data.push_back(Int32GetDatum(element));
    return {call([&] {
                return PointerGetDatum(construct_array(data.data(), static_cast<int>(data.size()),
                                                       INT4OID, sizeof(std::int32_t), true,
                                                       TYPALIGN_INT));
            }),
            false};
}

value text_array(const std::vector<std::string> &elements) {
    std::vector<Datum> data;
    data.reserve(elements.size());
    for (const std::string &element : elements)
        data.push_back(text(element).datum);
    return {call([&] {
                return PointerGetDatum(construct_array(data.data(), static_cast<int>(data.size()),
                                                       TEXTOID, -1, false, TYPALIGN_INT));
            }),
            false};
}

int arguments::count() const { return call_->nargs; }
bool arguments::null(int index) const { return call_->args[index].isnull; }

void arguments::refuse_null(std::initializer_list<const char *> names) const {
    int index = 0;
    for (const char *name : names)
        if (null(index++))
            throw failure{configuration_invalid, std::string(name) + " must not be null", "",
                          "Nothing was done."};
}

std::string arguments::text(int index) const {
    FunctionCallInfo fcinfo = call_;
    // Looked at before the text is unpacked: each of its copies would be of that size.
    const std::size_t size =
        call([&] { return toast_raw_datum_size(PG_GETARG_DATUM(index)); }) - VARHDRSZ;
    if (size > largest_script)
        throw failure{migration_invalid, "argument " + std::to_string(index + 1) + " is too large",
                      "It has " + std::to_string(size) + " bytes; the limit is " +
                          std::to_string(largest_script) + ".",
                      "Split a script into several migrations."};
    struct bytes {
        const char *data;
        std::size_t size;
    };
    const bytes content = call([&]() -> bytes {
        struct varlena *packed = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(index));
        return {VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed)};
    });
    return {content.data, content.size};
}

std::optional<std::string> arguments::optional_text(int index) const {
    return null(index) ? std::nullopt : std::optional(text(index));
}

std::int32_t arguments::integer(int index) const {
    FunctionCallInfo fcinfo = call_;
    return PG_GETARG_INT32(index);
}

std::uint32_t arguments::oid(int index) const {
    FunctionCallInfo fcinfo = call_;
    return PG_GETARG_OID(index);
}

std::string arguments::enum_label(int index) const {
    FunctionCallInfo fcinfo = call_;
    return call(
        [&] { return DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(index))); });
}

std::string arguments::interval(int index) const {
    FunctionCallInfo fcinfo = call_;
    return call(
        [&] { return DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(index))); });
}

double arguments::milliseconds(int index) const {
    FunctionCallInfo fcinfo = call_;
    const Interval *interval = call([&] { return PG_GETARG_INTERVAL_P(index); });
    constexpr double day = 24.0 * 60 * 60 * 1000;
    return static_cast<double>(interval->time) / 1000 + interval->day * day +
           interval->month * 30 * day;
}

bool arguments::boolean(int index) const {
    FunctionCallInfo fcinfo = call_;
    return PG_GETARG_BOOL(index);
}

static bool read_strings(JsonbContainer *array, std::vector<std::string> &texts) {
    for (std::uint32_t i = 0; i < JsonContainerSize(array); i++) {
        const JsonbValue *item = call([&] { return getIthJsonbValueFromContainer(array, i); });
        if (item->type != jbvString)
            return false;
        texts.emplace_back(item->val.string.val, static_cast<std::size_t>(item->val.string.len));
    }
    return true;
}

static json_member read_member(const JsonbValue &key, const JsonbValue &content) {
    json_member member;
    member.key.assign(key.val.string.val, static_cast<std::size_t>(key.val.string.len));
    switch (content.type) {
    case jbvNull:
        member.type = json_member::kind::null;
        break;
    case jbvString:
        member.type = json_member::kind::string;
        member.text.assign(content.val.string.val,
                           static_cast<std::size_t>(content.val.string.len));
        break;
    case jbvNumeric:
        member.type = json_member::kind::number;
        member.text = call([&] {
            return DatumGetCString(
                DirectFunctionCall1(numeric_out, NumericGetDatum(content.val.numeric)));
        });
        break;
    case jbvBool:
        member.type = json_member::kind::boolean;
        member.text = content.val.boolean ? "true" : "false";
        break;
    case jbvBinary:
        if (JsonContainerIsArray(content.val.binary.data) &&
            read_strings(content.val.binary.data, member.texts))
            member.type = json_member::kind::strings;
        break;
    default:
        break;
    }
    return member;
}

std::vector<json_member> arguments::object(int index) const {
    FunctionCallInfo fcinfo = call_;
    std::vector<json_member> members;
    if (null(index))
        return members;
    Jsonb *document = call([&] { return PG_GETARG_JSONB_P(index); });
    if (!JB_ROOT_IS_OBJECT(document))
        throw failure{configuration_invalid, "options must be a JSON object", "",
                      "Write them as '{\"name\": value}'."};
    JsonbIterator *iterator = call([&] { return JsonbIteratorInit(&document->root); });
    JsonbValue key, content;
    auto next = [&](JsonbValue &into) {
        return call([&] { return JsonbIteratorNext(&iterator, &into, true); });
    };
    for (next(key); next(key) == WJB_KEY;) {
        next(content);
        members.push_back(read_member(key, content));
    }
    return members;
}

value arguments::row(const std::vector<value> &columns) const {
    FunctionCallInfo fcinfo = call_;
    TupleDesc descriptor = nullptr;
    call([&] {
        if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
            elog(ERROR, "function must return a row");
        descriptor = BlessTupleDesc(descriptor);
    });
    std::vector<Datum> data;
    auto nulls = std::make_unique<bool[]>(columns.size());
    for (std::size_t i = 0; i < columns.size(); i++) {
        data.push_back(columns[i].datum);
        nulls[i] = columns[i].null;
    }
    return {call([&] {
                return HeapTupleGetDatum(heap_form_tuple(descriptor, data.data(), nulls.get()));
            }),
            false};
}

/* InitMaterializedSRF() is newer than PostgreSQL 13. */
row_set::row_set(const arguments &arguments) {
    FunctionCallInfo fcinfo = info(arguments);
    call([&] {
        auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
        if (!result || !IsA(result, ReturnSetInfo) || !(result->allowedModes & SFRM_Materialize))
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("set-valued function called in context that cannot accept a "
                                   "set")));
        MemoryContext before = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
        TupleDesc descriptor = nullptr;
        if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
            elog(ERROR, "function must return rows");
        descriptor = CreateTupleDescCopy(descriptor);
        Tuplestorestate *store = tuplestore_begin_heap(
            (result->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
        MemoryContextSwitchTo(before);
        result->returnMode = SFRM_Materialize;
        result->setResult = store;
        result->setDesc = descriptor;
        store_ = store;
        descriptor_ = descriptor;
    });
}

void row_set::add(const std::vector<value> &columns) {
    std::vector<Datum> data;
    auto nulls = std::make_unique<bool[]>(columns.size());
    for (std::size_t i = 0; i < columns.size(); i++) {
        data.push_back(columns[i].datum);
        nulls[i] = columns[i].null;
    }
    call([&] {
        tuplestore_putvalues(static_cast<Tuplestorestate *>(store_),
                             static_cast<TupleDesc>(descriptor_), data.data(), nulls.get());
    });
}

std::uintptr_t run_function(FunctionCallInfo fcinfo, value (*body)(const arguments &)) {
    return boundary([&]() -> Datum {
        const value result = body(arguments(fcinfo));
        fcinfo->isnull = result.null;
        return result.datum;
    });
}

} // namespace confiture::pg
