/* CREATE: what the new object leans on. */
#include "pg/boundary.hpp"
#include "pg/compat.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/predictor.hpp"

extern "C" {
#include "catalog/pg_policy.h"
#include "catalog/pg_publication.h"
#include "commands/defrem.h"
#include "commands/policy.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
}

namespace confiture::pg {

using link = script_link::kind;

void predictor::create_table(const CreateStmt *statement) {
    if (statement->if_not_exists && OidIsValid(find(statement->relation)))
        return;
    bounds(statement->partbound);
    const Oid made = makes(statement->relation,
                           statement->partspec ? RELKIND_PARTITIONED_TABLE : RELKIND_RELATION);
    note_expressions(made, statement->tableElts);
    ListCell *cell;
    foreach (cell, statement->inhRelations) {
        const Oid parent =
            named(static_cast<RangeVar *>(lfirst(cell)),
                  {statement->partbound ? AccessExclusiveLock : ShareUpdateExclusiveLock});
        if (statement->partbound && OidIsValid(parent))
            create_partition(parent, made);
        if (OidIsValid(parent))
            inherit_code(parent, made);
        book_.link(link::child, parent, made);
    }
    const auto reference = [&](const Constraint *constraint) {
        if (constraint->contype != CONSTR_FOREIGN)
            return;
        const Oid referenced = named(constraint->pktable, {ShareRowExclusiveLock});
        if (kind_of(referenced) == RELKIND_PARTITIONED_TABLE) {
            inheritors(referenced, {ShareRowExclusiveLock});
            bounds_of_partition(referenced);
        }
        book_.link(link::foreign_key, made, referenced, constraint->fk_upd_action,
                   constraint->fk_del_action);
    };
    const auto each_constraint = [&](List *constraints) {
        ListCell *inner;
        foreach (inner, constraints)
            if (IsA(lfirst(inner), Constraint))
                reference(static_cast<Constraint *>(lfirst(inner)));
    };
    foreach (cell, statement->tableElts) {
        auto *element = static_cast<Node *>(lfirst(cell));
        if (IsA(element, ColumnDef)) {
            row_type(reinterpret_cast<ColumnDef *>(element)->typeName);
            each_constraint(reinterpret_cast<ColumnDef *>(element)->constraints);
        }
        if (IsA(element, Constraint))
            reference(reinterpret_cast<Constraint *>(element));
        else if (IsA(element, TableLikeClause))
            inherit_code(
                named(reinterpret_cast<TableLikeClause *>(element)->relation, {AccessShareLock}),
                made);
    }
    each_constraint(statement->constraints);
}

/* Rows of the default partition may belong into the new one; foreign keys are those of the parent.
 */
void predictor::create_partition(Oid parent, Oid made) {
    default_partition(parent, true);
    for (const foreign_key &key : foreign_keys_of(parent)) {
        with_inheritors(key.referenced, {ShareRowExclusiveLock});
        book_.link(link::foreign_key, made, key.referenced, key.on_update, key.on_delete);
    }
    for (const foreign_key &key : foreign_keys_to(parent)) {
        lock_referencing(key.table);
        book_.link(link::foreign_key, key.table, made, key.on_update, key.on_delete);
    }
}

/* A partition more to refer to: CloneFkReferenced(), which minor releases have changed. */
void predictor::lock_referencing(Oid table) {
    relation(table, {AccessShareLock});
    relation(table, perhaps(ShareRowExclusiveLock, "the mode depends on the minor release"));
}

/* A column of a table's row type: CheckAttributeType() looks at that table. */
void predictor::row_type(const TypeName *name) {
    if (!name)
        return;
    relation(call([&]() -> Oid {
                 const Oid type = LookupTypeNameOid(nullptr, name, true);
                 const Oid element = OidIsValid(type) ? get_element_type(type) : InvalidOid;
                 return OidIsValid(type) ? get_typ_typrelid(OidIsValid(element) ? element : type)
                                         : InvalidOid;
             }),
             perhaps(AccessShareLock, "let go again at once"));
}

/* On the same columns; whether it matches in all is for the server to say. */
static bool has_index_like(Oid table, const IndexStmt *statement) {
    cached_relation opened(table);
    List *indexes = opened ? call([&] { return RelationGetIndexList(opened.get()); }) : NIL;
    ListCell *cell, *inner;
    foreach (cell, indexes) {
        cached_relation index(lfirst_oid(cell));
        if (!index || index->rd_index->indnkeyatts != list_length(statement->indexParams))
            continue;
        int place = 0;
        bool same = true;
        foreach (inner, statement->indexParams) {
            const char *wanted = static_cast<IndexElem *>(lfirst(inner))->name;
            const AttrNumber column = index->rd_index->indkey.values[place++];
            const char *name = call([&] { return get_attname(table, column, true); });
            same = same && (wanted ? name && std::strcmp(name, wanted) == 0 : column == 0);
        }
        if (same)
            return true;
    }
    return false;
}

void predictor::create_index(const IndexStmt *statement) {
    const LOCKMODE mode = statement->concurrent ? ShareUpdateExclusiveLock : ShareLock;
    const Oid table = find(statement->relation);
    if (statement->if_not_exists && statement->idxname && OidIsValid(table)) {
        if (OidIsValid(part_named(table, statement->idxname))) {
            relation(table, {mode});
            if (statement->relation->inh && kind_of(table) == RELKIND_PARTITIONED_TABLE)
                inheritors(table, {mode});
            return;
        }
    }
    ListCell *cell;
    foreach (cell, statement->indexParams)
        query(static_cast<IndexElem *>(lfirst(cell))->expr, depth::rewritten);
    query(statement->whereClause, depth::rewritten);
    named(statement->relation, scanning(mode));
    if (statement->relation->inh && kind_of(table) == RELKIND_PARTITIONED_TABLE)
        for (Oid part : inheritors_of(table))
            relation(part, has_index_like(part, statement)
                               ? effect{mode,
                                        {},
                                        {true, likely},
                                        certain,
                                        "an index of a partition that matches is taken as it is"}
                               : scanning(mode));
    if (!OidIsValid(table))
        return;
    if (!statement->idxname)
        return book_.add_unnamed_index(table);
    const char kind =
        kind_of(table) == RELKIND_PARTITIONED_TABLE ? RELKIND_PARTITIONED_INDEX : RELKIND_INDEX;
    book_.link(link::part_of, book_.make(schema_of(table), statement->idxname, kind), table);
}

void predictor::create_trigger(const CreateTrigStmt *statement) {
    const Oid table = named(statement->relation, {ShareRowExclusiveLock});
    if (statement->row && kind_of(table) == RELKIND_PARTITIONED_TABLE)
        inheritors(table, {ShareRowExclusiveLock});
    if (statement->constrrel)
        named(statement->constrrel, {AccessShareLock});
    query(statement->whenClause, depth::analysed);
}

void predictor::create_rule(const RuleStmt *statement) {
    named(statement->relation, {AccessExclusiveLock});
    ListCell *cell;
    foreach (cell, statement->actions)
        query(static_cast<Node *>(lfirst(cell)), depth::analysed);
}

void predictor::create_view(const ViewStmt *statement) {
    const std::size_t before = consulted_.size();
    query(statement->query, depth::analysed);
    const std::vector<Oid> read(consulted_.begin() + static_cast<std::ptrdiff_t>(before),
                                consulted_.end());
    Oid view = statement->replace ? find(statement->view) : InvalidOid;
    if (OidIsValid(view))
        relation(view, {AccessExclusiveLock});
    else
        view = makes(statement->view, RELKIND_VIEW);
    for (Oid one : read)
        book_.link(link::reads, view, one);
}

static bool is_materialized_view(const CreateTableAsStmt *statement) {
#if PG_VERSION_NUM >= 140000
    return statement->objtype == OBJECT_MATVIEW;
#else
    return statement->relkind == OBJECT_MATVIEW;
#endif
}

void predictor::create_table_as(const CreateTableAsStmt *statement) {
    if (statement->if_not_exists && OidIsValid(find(statement->into->rel)))
        return IsA(statement->query, ExecuteStmt) ? void()
                                                  : query(statement->query, depth::analysed);
    const std::size_t first = found_.size();
    const std::size_t before = consulted_.size();
    if (IsA(statement->query, ExecuteStmt))
        unknown("a prepared statement is run");
    else
        query(statement->query, statement->into->skipData ? depth::analysed : depth::executed);
    if (!statement->into->skipData)
        read_rows_since(first);
    const bool view = is_materialized_view(statement);
    const Oid made = makes(statement->into->rel, view ? RELKIND_MATVIEW : RELKIND_RELATION);
    const std::vector<Oid> read(consulted_.begin() + static_cast<std::ptrdiff_t>(before),
                                consulted_.end());
    for (Oid one : read)
        if (view && one != made)
            book_.link(link::reads, made, one);
}

/* RETURN expression, or the statements of BEGIN ATOMIC. */
void predictor::body_in_sql(Node *body) {
    if (!body)
        return;
#if PG_VERSION_NUM >= 140000
    if (IsA(body, ReturnStmt))
        return query(reinterpret_cast<ReturnStmt *>(body)->returnval, depth::rewritten);
#endif
    if (!IsA(body, List))
        return query(body, depth::rewritten);
    ListCell *cell;
    foreach (cell, reinterpret_cast<List *>(body))
        body_in_sql(static_cast<Node *>(lfirst(cell)));
}

/* What the policy has of its own is read again. */
void predictor::alter_policy(const AlterPolicyStmt *statement) {
    const Oid table = named(statement->table, {AccessExclusiveLock});
    query(statement->qual, depth::analysed);
    query(statement->with_check, depth::analysed);
    if (!OidIsValid(table) || book_.is_made(table))
        return;
    const Oid policy =
        call([&] { return get_relation_policy_oid(table, statement->policy_name, true); });
    for (const dependent &one : dependencies_of(PolicyRelationId, policy))
        if (one.class_id == RelationRelationId && one.object_id != table)
            relation(one.object_id, perhaps(AccessShareLock, "the policy names it"));
}

/* A body in SQL is analysed and rewritten when it is stored. */
void predictor::create_function(const CreateFunctionStmt *statement) {
#if PG_VERSION_NUM >= 140000
    body_in_sql(statement->sql_body);
#endif
    const char *language = "", *body = nullptr;
    ListCell *cell;
    foreach (cell, statement->options) {
        auto *option = static_cast<DefElem *>(lfirst(cell));
        if (std::strcmp(option->defname, "language") == 0)
            language = strVal(option->arg);
        else if (std::strcmp(option->defname, "as") == 0)
            body = strVal(linitial(reinterpret_cast<List *>(option->arg)));
    }
    if (std::strcmp(language, "sql") != 0 || !body || !check_function_bodies)
        return;
    List *statements = call([&] { return pg_parse_query(body); });
    foreach (cell, statements) {
        Node *inside = static_cast<RawStmt *>(lfirst(cell))->stmt;
        switch (nodeTag(inside)) {
        case T_SelectStmt:
        case T_InsertStmt:
        case T_UpdateStmt:
        case T_DeleteStmt:
#if PG_VERSION_NUM >= 150000
        case T_MergeStmt:
#endif
            query(inside, depth::rewritten);
            break;
        default:
            break;
        }
    }
}

/* The elements are made in the new schema. */
void predictor::create_schema(const CreateSchemaStmt *statement) {
    ListCell *cell;
    foreach (cell, statement->schemaElts)
        this->statement(static_cast<Node *>(lfirst(cell)));
}

/* A sequence's OWNED BY table.column. */
void predictor::owned_by(List *options) {
    ListCell *cell;
    foreach (cell, options) {
        auto *option = static_cast<DefElem *>(lfirst(cell));
        if (std::strcmp(option->defname, "owned_by") != 0)
            continue;
        auto *parts = reinterpret_cast<List *>(option->arg);
        if (list_length(parts) > 1)
            named(call([&] {
                      return makeRangeVarFromNameList(
                          list_truncate(list_copy(parts), list_length(parts) - 1));
                  }),
                  {AccessShareLock});
    }
}

/* OpenTableList(): with what inherits, but for partitions. */
void predictor::publish(List *objects) {
    ListCell *cell;
    foreach (cell, objects) {
#if PG_VERSION_NUM >= 150000
        const PublicationTable *table = static_cast<PublicationObjSpec *>(lfirst(cell))->pubtable;
        const RangeVar *variable = table ? table->relation : nullptr;
#else
        auto *variable = static_cast<RangeVar *>(lfirst(cell));
#endif
        if (!variable)
            continue;
        const Oid oid = named(variable, {ShareUpdateExclusiveLock});
        if (variable->inh && kind_of(oid) != RELKIND_PARTITIONED_TABLE)
            inheritors(oid, {ShareUpdateExclusiveLock});
    }
}

/* ALTER PUBLICATION … SET TABLE: those that are dropped from it are locked as those that come. */
void predictor::set_publication(const char *name) {
    const Oid publication = call([&] { return get_publication_oid(name, true); });
    if (!OidIsValid(publication))
        return;
    List *tables = call([&] { return compat::tables_of_publication(publication); });
    ListCell *cell;
    foreach (cell, tables)
        relation(lfirst_oid(cell), {ShareUpdateExclusiveLock});
}

} // namespace confiture::pg
