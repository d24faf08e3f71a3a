#include "pg/prediction/script_book.hpp"

#include "pg/boundary.hpp"
#include "pg/parse.hpp"

#include <algorithm>

namespace confiture::pg {

/* From the upper end of the numbers, where the catalog hardly comes to. */
Oid script_book::make(const std::string &schema, const std::string &name, char kind) {
    Oid number = static_cast<Oid>(0xffffff00U) - static_cast<Oid>(made_.size());
    while (is_made(number) ||
           call([&] { return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(number)); }))
        number--;
    made_.emplace(number, made_relation{kind});
    names_.push_back({schema, name, number});
    return number;
}

char script_book::kind_of_made(Oid relation) const {
    const auto found = made_.find(relation);
    return found == made_.end() ? '\0' : found->second.kind;
}

std::string script_book::schema_of_made(Oid relation) const {
    const auto found = std::find_if(names_.rbegin(), names_.rend(), [&](const named_relation &one) {
        return one.relation == relation;
    });
    return found == names_.rend() ? std::string() : found->schema;
}

void script_book::rename(Oid relation, const std::string &schema, const std::string &name) {
    names_.erase(
        std::remove_if(names_.begin(), names_.end(),
                       [&](const named_relation &one) { return one.relation == relation; }),
        names_.end());
    moved_.insert(relation);
    names_.push_back({schema, name, relation});
}

bool script_book::knows(const std::string &name) const {
    return std::any_of(names_.begin(), names_.end(),
                       [&](const named_relation &one) { return one.name == name; });
}

Oid script_book::find(const std::string &schema, const std::string &name) const {
    const auto found = std::find_if(names_.rbegin(), names_.rend(), [&](const named_relation &one) {
        return one.name == name && one.schema == schema && gone_.count(one.relation) == 0;
    });
    return found == names_.rend() ? InvalidOid : found->relation;
}

void script_book::rename_schema(const std::string &from, const std::string &to) {
    const std::string before = schema_before(from);
    schemas_.erase(from);
    schemas_[to] = before;
    for (named_relation &one : names_)
        if (one.schema == from)
            one.schema = to;
}

std::string script_book::schema_before(const std::string &name) const {
    const auto found = schemas_.find(name);
    return found == schemas_.end() ? name : found->second;
}

const std::string *script_book::touched(Oid relation) const {
    const auto found = touched_.find(relation);
    return found == touched_.end() ? nullptr : &found->second;
}

void script_book::link(script_link::kind what, Oid from, Oid to, char on_update, char on_delete) {
    if (OidIsValid(from) && OidIsValid(to))
        links_.push_back({what, from, to, on_update, on_delete});
}

void script_book::touch_name(const std::string &name, const std::string &reason) {
    touched_names_.emplace(name, reason);
}

const std::string *script_book::touched_name(std::string_view statement) const {
    if (touched_names_.empty())
        return nullptr;
    for (const std::string &name : names_in(statement)) {
        const auto found = touched_names_.find(name);
        if (found != touched_names_.end())
            return &found->second;
    }
    return nullptr;
}

void script_book::end_transaction() {
    settings.erase(std::remove_if(settings.begin(), settings.end(),
                                  [](const setting_change &one) { return one.local; }),
                   settings.end());
}

void script_book::doubt_all(const std::string &reason) {
    if (doubt_.empty())
        doubt_ = reason;
}

void script_book::doubt_names(const std::string &reason) {
    if (doubt_of_names_.empty())
        doubt_of_names_ = reason;
}

void script_book::open_all(const std::string &reason) {
    if (open_.empty())
        open_ = reason;
}

} // namespace confiture::pg
