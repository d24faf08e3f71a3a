#include "pg/outside_effects.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/defrem.h"
#include "commands/proclang.h"
}

namespace confiture::pg {

/* Its name, for a procedural one; null for others.  Inside of call(). */
static char *untrusted_language(Oid language) {
    HeapTuple tuple = SearchSysCache1(LANGOID, ObjectIdGetDatum(language));
    if (!HeapTupleIsValid(tuple))
        return nullptr;
    auto *row = reinterpret_cast<Form_pg_language>(GETSTRUCT(tuple));
    char *name = row->lanispl && !row->lanpltrusted ? pstrdup(NameStr(row->lanname)) : nullptr;
    ReleaseSysCache(tuple);
    return name;
}

static bool is_untrusted(const DoStmt *statement) {
    const char *language = "plpgsql";
    ListCell *cell;
    foreach (cell, statement->args)
        if (auto *argument = lfirst_node(DefElem, cell);
            std::strcmp(argument->defname, "language") == 0)
            language = strVal(argument->arg);
    const Oid found = get_language_oid(language, true);
    return OidIsValid(found) && untrusted_language(found) != nullptr;
}

outside_effect outside_effect_of_node(Node *utility) {
    switch (nodeTag(utility)) {
    case T_CopyStmt: {
        auto *copy = reinterpret_cast<CopyStmt *>(utility);
        return copy->is_program                   ? outside_effect::runs_program
               : !copy->is_from && copy->filename ? outside_effect::writes_file
                                                  : outside_effect::none;
    }
    case T_DiscardStmt:
        return reinterpret_cast<DiscardStmt *>(utility)->target == DISCARD_SEQUENCES
                   ? outside_effect::forgets_sequences
                   : outside_effect::none;
    case T_LoadStmt:
        return outside_effect::loads_library;
    case T_CheckPointStmt:
        return outside_effect::makes_checkpoint;
    case T_DoStmt:
        return call([&] { return is_untrusted(reinterpret_cast<DoStmt *>(utility)); })
                   ? outside_effect::runs_untrusted
                   : outside_effect::none;
    default:
        return outside_effect::none;
    }
}

outside_effect outside_effect_of(std::string_view statement) {
    memory_context memory("confiture statement");
    memory_scope scope(memory);
    const std::string terminated(statement);
    return outside_effect_of_node(parse_statement(terminated.c_str())->stmt);
}

std::optional<function_facts> facts_of_function(std::uint32_t function) {
    struct found {
        char *name, *language;
        bool built_in;
    };
    const found entry = call([&]() -> found {
        HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
        if (!HeapTupleIsValid(tuple))
            return {nullptr, nullptr, false};
        auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
        const found result{pstrdup(NameStr(row->proname)), untrusted_language(row->prolang),
                           row->pronamespace == PG_CATALOG_NAMESPACE};
        ReleaseSysCache(tuple);
        return result;
    });
    if (!entry.name)
        return std::nullopt;
    return function_facts{entry.name, entry.built_in, entry.language ? entry.language : ""};
}

} // namespace confiture::pg
