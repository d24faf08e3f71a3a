#include "dry_run/relation_book.hpp"

#include <algorithm>
#include <string_view>

namespace confiture::dry_run {

namespace {

bool is_index(char kind) { return kind == 'i' || kind == 'I'; }

/* make_new_heap() names the new file's owner pg_temp_<oid of the table>. */
bool is_new_heap(const std::string &name) {
    const std::size_t dot = name.rfind('.');
    const std::string_view last =
        std::string_view(name).substr(dot == std::string::npos ? 0 : dot + 1);
    return last.rfind("pg_temp_", 0) == 0 &&
           last.find_first_not_of("0123456789", 8) == std::string_view::npos;
}

} // namespace

relation_info &relation_book::meet(pg::oid relation) {
    touched_.insert(relation);
    relation_info &info = relations_[relation];
    if (!info.name.empty())
        return info;
    const auto found = pg::name_of_relation(relation);
    if (!found)
        return info;
    info.name = info.name_now = found->name;
    named_[info.name] = relation;
    info.kind = found->kind;
    info.temporary = found->temporary;
    info.transient = is_new_heap(found->name);
    const auto expected = expected_.find(relation);
    if (expected != expected_.end()) {
        info.seen = expected->second.seen;
        info.files = {expected->second.file};
        info.bytes_before = expected->second.bytes;
    } else {
        if (!info.created_here)
            info.seen = pg::activity_of(relation);
        info.files = {pg::file_of_relation(relation).value_or(0)};
        if (!info.created_here)
            info.bytes_before = pg::bytes_of_relation(relation).value_or(0);
    }
    if (info.kind == 'p')
        expect(relation);
    return info;
}

void relation_book::remember(pg::oid relation) {
    const auto known = relations_.find(relation);
    if (known == relations_.end() || known->second.name.empty())
        expected_[relation] = {pg::activity_of(relation),
                               pg::file_of_relation(relation).value_or(0),
                               pg::bytes_of_relation(relation).value_or(0)};
}

void relation_book::created(pg::oid relation) {
    relations_[relation].created_here = true;
    meet(relation);
}

void relation_book::expect(pg::oid relation) {
    touched_.insert(relation);
    for (const pg::oid member : pg::partitions_of(relation)) {
        remember(member);
        for (const pg::oid index : pg::indexes_of(member))
            remember(index);
    }
}

void relation_book::name_what_is_there() {
    for (auto &[relation, info] : relations_)
        if (info.name.empty())
            meet(relation);
    touched_.clear();
}

const relation_info *relation_book::find(pg::oid relation) const {
    const auto found = relations_.find(relation);
    return found == relations_.end() ? nullptr : &found->second;
}

const relation_info *relation_book::find_named(const std::string &name) const {
    const auto found = named_.find(name);
    return found == named_.end() ? nullptr : find(found->second);
}

void relation_book::settle_file(pg::oid relation, relation_info &info, statement_record &record) {
    const auto file = pg::file_of_relation(relation);
    if (!file) {
        info.gone = true;
        return;
    }
    info.gone = false;
    const bool first = info.files.empty();
    const bool known = std::find(info.files.begin(), info.files.end(), *file) != info.files.end();
    if (!first && info.files.back() == *file)
        return;
    info.files.push_back(*file);
    if (first || known || *file == 0) // an inner block was rolled back: the old file is back
        return;
    if (is_index(info.kind))
        record.indexes_built.push_back(info.name_now);
    else if (info.kind != 'S' && // a sequence has one page
             std::string_view(pg::tag_name(record.where.tag)) != "TRUNCATE TABLE")
        record.rewrites.push_back({info.name_now, pg::bytes_of_relation(relation).value_or(0)});
}

void relation_book::settle_one(pg::oid relation, relation_info &info, statement_record &record) {
    if (info.name.empty()) {
        meet(relation);
        if (info.name.empty())
            return;
        info.seen = {};
    }
    if (info.transient)
        return;
    if (const auto found = pg::name_of_relation(relation)) {
        info.name_now = found->name;
        named_[info.name_now] = relation; // another one had it before
    }
    settle_file(relation, info, record);
    const pg::relation_activity now = pg::activity_of(relation);
    const bool truncates = std::string_view(pg::tag_name(record.where.tag)) == "TRUNCATE TABLE";
    if (now.scans > info.seen.scans && !truncates) // which reads its new, empty file
        record.scans.push_back({info.name_now, is_index(info.kind), now.scans - info.seen.scans,
                                now.tuples_read - info.seen.tuples_read});
    const row_counts written{now.inserted - info.seen.inserted, now.updated - info.seen.updated,
                             now.deleted - info.seen.deleted};
    info.seen = now;
    if (written.all() > 0 && info.files.back() == info.files.front()) // else they go with the file
        info.written += written;
}

void relation_book::settle(statement_record &record) {
    std::unordered_set<pg::oid> all = std::move(touched_);
    for (const pg::oid relation : std::vector<pg::oid>(all.begin(), all.end())) {
        const auto known = relations_.find(relation);
        if (known == relations_.end() || known->second.gone || is_index(known->second.kind))
            continue;
        for (const pg::oid member : pg::partitions_of(relation)) {
            all.insert(member);
            for (const pg::oid index : pg::indexes_of(member))
                all.insert(index);
        }
    }
    for (const pg::oid relation : all)
        if (const auto known = relations_.find(relation);
            known != relations_.end() && !known->second.gone)
            settle_one(relation, known->second, record);
    touched_.clear();
    expected_.clear();
}

void relation_book::look_again() {
    for (auto &[relation, info] : relations_) {
        const auto file = pg::file_of_relation(relation);
        info.gone = !file;
        if (file && !info.files.empty() && info.files.back() != *file)
            info.files.push_back(*file);
        info.seen = pg::activity_of(relation);
    }
}

} // namespace confiture::dry_run
