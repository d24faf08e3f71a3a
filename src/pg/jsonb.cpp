#include "pg/jsonb.hpp"

#include "pg/boundary.hpp"

#include <cmath>

namespace confiture::pg {

jsonb_builder::jsonb_builder() = default;

void jsonb_builder::push(int token, void *scalar) {
    call([&] {
#if PG_VERSION_NUM >= 190000
        if (!state_)
            state_ = palloc0(sizeof(JsonbInState));
        auto *state = static_cast<JsonbInState *>(state_);
        pushJsonbValue(state, static_cast<JsonbIteratorToken>(token),
                       static_cast<JsonbValue *>(scalar));
        result_ = state->result;
#else
        auto *state = static_cast<JsonbParseState *>(state_);
        result_ = pushJsonbValue(&state, static_cast<JsonbIteratorToken>(token),
                                 static_cast<JsonbValue *>(scalar));
        state_ = state;
#endif
    });
}

void jsonb_builder::element(void *scalar) {
    push(!open_.empty() && open_.back() == 'a' ? WJB_ELEM : WJB_VALUE, scalar);
}

void jsonb_builder::begin_object() {
    push(WJB_BEGIN_OBJECT, nullptr);
    open_.push_back('o');
}
void jsonb_builder::end_object() {
    push(WJB_END_OBJECT, nullptr);
    open_.pop_back();
}
void jsonb_builder::begin_array() {
    push(WJB_BEGIN_ARRAY, nullptr);
    open_.push_back('a');
}
void jsonb_builder::end_array() {
    push(WJB_END_ARRAY, nullptr);
    open_.pop_back();
}

/* A JsonbValue keeps the pointer to its text until finish(): the text is copied for it. */
static JsonbValue string_value(std::string_view content) {
    JsonbValue scalar;
    scalar.type = jbvString;
    scalar.val.string.len = static_cast<int>(content.size());
    scalar.val.string.val = call([&] {
        auto *copy = static_cast<char *>(palloc(content.size() + 1));
        std::memcpy(copy, content.data(), content.size());
        return copy;
    });
    return scalar;
}

void jsonb_builder::key(std::string_view name) {
    JsonbValue scalar = string_value(name);
    push(WJB_KEY, &scalar);
}

void jsonb_builder::string(std::string_view content) {
    JsonbValue scalar = string_value(content);
    element(&scalar);
}

void jsonb_builder::integer(std::int64_t number) {
    JsonbValue scalar;
    scalar.type = jbvNumeric;
    scalar.val.numeric = call(
        [&] { return DatumGetNumeric(DirectFunctionCall1(int8_numeric, Int64GetDatum(number))); });
    element(&scalar);
}

void jsonb_builder::number(double number) {
    if (!std::isfinite(number))
        return null();
    JsonbValue scalar;
    scalar.type = jbvNumeric;
    const double rounded = std::round(number * 1000) / 1000;
    scalar.val.numeric = call([&] {
        return DatumGetNumeric(DirectFunctionCall1(float8_numeric, Float8GetDatum(rounded)));
    });
    element(&scalar);
}

void jsonb_builder::boolean(bool truth) {
    JsonbValue scalar;
    scalar.type = jbvBool;
    scalar.val.boolean = truth;
    element(&scalar);
}

void jsonb_builder::null() {
    JsonbValue scalar;
    scalar.type = jbvNull;
    element(&scalar);
}

/* A scalar stands in an array of its own. */
void jsonb_builder::document(const std::string &image) {
    const value copy = jsonb(image);
    if (copy.null)
        return null();
    // What JsonbToJsonbValue() makes, which PostgreSQL 13 does not have.
    Jsonb *whole = DatumGetJsonbP(copy.datum);
    JsonbValue content;
    content.type = jbvBinary;
    content.val.binary.data = &whole->root;
    content.val.binary.len = static_cast<int>(VARSIZE(whole) - VARHDRSZ);
    if (const auto *root = &DatumGetJsonbP(copy.datum)->root; JsonContainerIsScalar(root))
        content = *call(
            [&] { return getIthJsonbValueFromContainer(&DatumGetJsonbP(copy.datum)->root, 0); });
    element(&content);
}

static std::string image_of(Datum document) {
    const auto *bytes = reinterpret_cast<const char *>(DatumGetPointer(document));
    return {bytes, VARSIZE(bytes)};
}

value jsonb(const std::string &image) {
    if (image.empty())
        return {};
    return {call([&] {
                void *copy = palloc(image.size());
                std::memcpy(copy, image.data(), image.size());
                return PointerGetDatum(copy);
            }),
            false};
}

std::string jsonb_image(const value &document) { return image_of(document.datum); }

std::string jsonb_image(const std::string &json_text) {
    return image_of(
        call([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(json_text.c_str())); }));
}

static std::string text_of(Jsonb *document) {
    return call([&] {
        return JsonbToCString(nullptr, &document->root, static_cast<int>(VARSIZE(document)));
    });
}

std::string jsonb_text(const std::string &image) {
    return text_of(reinterpret_cast<Jsonb *>(DatumGetPointer(jsonb(image).datum)));
}

std::string arguments::jsonb(int index) const {
    FunctionCallInfo fcinfo = call_;
    return image_of(call([&] { return JsonbPGetDatum(PG_GETARG_JSONB_P(index)); }));
}

std::string arguments::jsonb_text(int index) const {
    FunctionCallInfo fcinfo = call_;
    return text_of(call([&] { return PG_GETARG_JSONB_P(index); }));
}

std::string jsonb_builder::finish_image() { return image_of(finish().datum); }

value jsonb_builder::finish() {
    return {
        call([&] { return JsonbPGetDatum(JsonbValueToJsonb(static_cast<JsonbValue *>(result_))); }),
        false};
}

} // namespace confiture::pg
