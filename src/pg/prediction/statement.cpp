/* Which part of the predictor knows a kind of statement. */
#include "pg/boundary.hpp"
#include "pg/compat.hpp"
#include "pg/prediction/predictor.hpp"

extern "C" {
#include "commands/defrem.h"
}

namespace confiture::pg {

void predictor::statement(Node *node) {
    switch (nodeTag(node)) {
    case T_SelectStmt:
        query(node, depth::executed);
        if (const IntoClause *into = reinterpret_cast<SelectStmt *>(node)->intoClause) {
            read_rows_since(0);
            makes(into->rel, RELKIND_RELATION);
        }
        return;
    case T_InsertStmt:
    case T_UpdateStmt:
    case T_DeleteStmt:
#if PG_VERSION_NUM >= 150000
    case T_MergeStmt:
#endif
        return query(node, depth::executed);
    case T_ExplainStmt: {
        auto *explain = reinterpret_cast<ExplainStmt *>(node);
        bool executes = false;
        ListCell *cell;
        foreach (cell, explain->options) {
            auto *option = static_cast<DefElem *>(lfirst(cell));
            if (std::strcmp(option->defname, "analyze") == 0)
                executes = call([&] { return defGetBoolean(option); });
        }
        switch (nodeTag(explain->query)) {
        case T_ExecuteStmt:
            return unknown("a prepared statement is explained");
        case T_CreateTableAsStmt:
            if (executes)
                return create_table_as(reinterpret_cast<CreateTableAsStmt *>(explain->query));
            return query(reinterpret_cast<CreateTableAsStmt *>(explain->query)->query,
                         depth::planned);
        default:
            return query(explain->query, executes ? depth::executed : depth::planned);
        }
    }
    case T_PrepareStmt:
        return query(reinterpret_cast<PrepareStmt *>(node)->query, depth::rewritten);
    case T_DeclareCursorStmt:
        return query(reinterpret_cast<DeclareCursorStmt *>(node)->query, depth::executed);
    case T_CopyStmt:
        return copy(reinterpret_cast<CopyStmt *>(node));

    case T_CreateStmt:
        return create_table(reinterpret_cast<CreateStmt *>(node));
    case T_CreateForeignTableStmt:
        return create_table(&reinterpret_cast<CreateForeignTableStmt *>(node)->base);
    case T_CompositeTypeStmt: {
        ListCell *cell;
        foreach (cell, reinterpret_cast<CompositeTypeStmt *>(node)->coldeflist)
            row_type(static_cast<ColumnDef *>(lfirst(cell))->typeName);
        return;
    }
    case T_CreateTableAsStmt:
        return create_table_as(reinterpret_cast<CreateTableAsStmt *>(node));
    case T_ViewStmt:
        return create_view(reinterpret_cast<ViewStmt *>(node));
    case T_IndexStmt:
        return create_index(reinterpret_cast<IndexStmt *>(node));
    case T_CreateTrigStmt:
        return create_trigger(reinterpret_cast<CreateTrigStmt *>(node));
    case T_CreateFunctionStmt:
        return create_function(reinterpret_cast<CreateFunctionStmt *>(node));
    case T_RuleStmt:
        return create_rule(reinterpret_cast<RuleStmt *>(node));
    case T_CreatePolicyStmt: {
        auto *policy = reinterpret_cast<CreatePolicyStmt *>(node);
        named(policy->table, {AccessExclusiveLock});
        query(policy->qual, depth::analysed);
        return query(policy->with_check, depth::analysed);
    }
    case T_AlterPolicyStmt:
        return alter_policy(reinterpret_cast<AlterPolicyStmt *>(node));
    case T_AlterObjectDependsStmt:
        return depends_on_extension(reinterpret_cast<AlterObjectDependsStmt *>(node));
    case T_CreateStatsStmt: {
        ListCell *cell;
        foreach (cell, reinterpret_cast<CreateStatsStmt *>(node)->relations)
            if (IsA(lfirst(cell), RangeVar))
                named(static_cast<RangeVar *>(lfirst(cell)), {ShareUpdateExclusiveLock});
        return;
    }
    case T_CreateSeqStmt:
        makes(reinterpret_cast<CreateSeqStmt *>(node)->sequence, RELKIND_SEQUENCE);
        return owned_by(reinterpret_cast<CreateSeqStmt *>(node)->options);
    case T_AlterSeqStmt:
        named(reinterpret_cast<AlterSeqStmt *>(node)->sequence, {ShareRowExclusiveLock});
        return owned_by(reinterpret_cast<AlterSeqStmt *>(node)->options);
    case T_CreateSchemaStmt:
        return create_schema(reinterpret_cast<CreateSchemaStmt *>(node));
#if PG_VERSION_NUM >= 150000
    case T_CreatePublicationStmt:
        return publish(reinterpret_cast<CreatePublicationStmt *>(node)->pubobjects);
    case T_AlterPublicationStmt: {
        auto *publication = reinterpret_cast<AlterPublicationStmt *>(node);
        if (publication->action == AP_SetObjects)
            set_publication(publication->pubname);
        return publish(publication->pubobjects);
    }
#else
    case T_CreatePublicationStmt:
        return publish(reinterpret_cast<CreatePublicationStmt *>(node)->tables);
    case T_AlterPublicationStmt: {
        auto *publication = reinterpret_cast<AlterPublicationStmt *>(node);
        if (publication->tableAction == DEFELEM_SET)
            set_publication(publication->pubname);
        return publish(publication->tables);
    }
#endif

    case T_AlterTableStmt:
        return alter_table(reinterpret_cast<AlterTableStmt *>(node));
    case T_AlterDomainStmt:
        return alter_domain(reinterpret_cast<AlterDomainStmt *>(node));
    case T_RenameStmt:
        return rename(reinterpret_cast<RenameStmt *>(node));
    case T_AlterObjectSchemaStmt:
        return set_schema(reinterpret_cast<AlterObjectSchemaStmt *>(node));
    case T_CommentStmt:
        return comment(reinterpret_cast<CommentStmt *>(node)->objtype,
                       reinterpret_cast<CommentStmt *>(node)->object);
    case T_SecLabelStmt:
        return comment(reinterpret_cast<SecLabelStmt *>(node)->objtype,
                       reinterpret_cast<SecLabelStmt *>(node)->object);
    case T_GrantStmt:
        return grant(reinterpret_cast<GrantStmt *>(node));

    case T_DropStmt:
        return drop(reinterpret_cast<DropStmt *>(node));
    case T_TruncateStmt:
        return truncate(reinterpret_cast<TruncateStmt *>(node));

    case T_LockStmt:
        return lock(reinterpret_cast<LockStmt *>(node));
    case T_ReindexStmt:
        return reindex(reinterpret_cast<ReindexStmt *>(node));
    case T_RefreshMatViewStmt:
        return refresh(reinterpret_cast<RefreshMatViewStmt *>(node));
    case compat::cluster_tag:
        return cluster(compat::table_of(reinterpret_cast<compat::cluster_statement *>(node)));
    case T_VacuumStmt:
        return vacuum(reinterpret_cast<VacuumStmt *>(node));

    case T_DoStmt:
        return unknown("a DO block runs code");
    case T_CallStmt:
        return unknown("a procedure runs code");
    case T_ExecuteStmt:
        return unknown("a prepared statement is run");
    case T_DropOwnedStmt:
    case T_ReassignOwnedStmt:
        return unknown("it works on all that a role owns");
    case T_CreateExtensionStmt:
    case T_AlterExtensionStmt:
        return unknown("an extension's script is run");
    case T_ImportForeignSchemaStmt:
        return unknown("a foreign data wrapper says what is made");
    case T_AlterTableMoveAllStmt:
        return open("it works on every table of a tablespace");
    default:
        return;
    }
}

} // namespace confiture::pg
