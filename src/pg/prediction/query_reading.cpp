#include "pg/prediction/query_reading.hpp"

#include "pg/boundary.hpp"
#include "pg/prediction/tree_walkers.hpp"

#include <algorithm>

namespace confiture::pg {

namespace {

class reader {
public:
    explicit reader(query_reading &found) : found_(found) {}

    void visit(Node *node) { visit(node, this); }

private:
    struct locked_names {
        bool all;
        std::vector<std::string_view> names;
        bool holds(const char *name) const {
            return all || std::find(names.begin(), names.end(), name) != names.end();
        }
    };

    static bool visit(Node *node, void *argument) {
        auto *self = static_cast<reader *>(argument);
        if (!node)
            return false;
        switch (nodeTag(node)) {
        case T_SelectStmt:
            self->select(reinterpret_cast<SelectStmt *>(node), false);
            return false;
        case T_InsertStmt:
            self->write(node, reinterpret_cast<InsertStmt *>(node)->relation,
                        reinterpret_cast<InsertStmt *>(node)->withClause);
            return false;
        case T_UpdateStmt:
            self->write(node, reinterpret_cast<UpdateStmt *>(node)->relation,
                        reinterpret_cast<UpdateStmt *>(node)->withClause);
            return false;
        case T_DeleteStmt:
            self->write(node, reinterpret_cast<DeleteStmt *>(node)->relation,
                        reinterpret_cast<DeleteStmt *>(node)->withClause);
            return false;
#if PG_VERSION_NUM >= 150000
        case T_MergeStmt:
            self->write(node, reinterpret_cast<MergeStmt *>(node)->relation,
                        reinterpret_cast<MergeStmt *>(node)->withClause);
            return false;
#endif
        case T_RangeVar:
            self->mention(reinterpret_cast<RangeVar *>(node), AccessShareLock);
            return false;
        case T_FuncCall:
            self->found_.functions.push_back(reinterpret_cast<FuncCall *>(node));
            break;
        case T_A_Expr:
            self->found_.operators.push_back(reinterpret_cast<A_Expr *>(node));
            break;
        case T_TypeCast:
            self->found_.types.push_back(reinterpret_cast<TypeCast *>(node)->typeName);
            break;
        default:
            break;
        }
        return walk_raw(node, visit, argument);
    }

    void mention(const RangeVar *relation, LOCKMODE mode) {
        if (relation == target_)
            return;
        const bool common =
            !relation->schemaname && std::find(common_tables_.begin(), common_tables_.end(),
                                               relation->relname) != common_tables_.end();
        if (!common)
            found_.relations.push_back({relation, mode, filtered_});
    }

    /* A common table is seen by those after it, and by itself where they are recursive. */
    void with(WithClause *clause) {
        ListCell *cell;
        if (!clause)
            return;
        if (clause->recursive)
            foreach (cell, clause->ctes)
                common_tables_.emplace_back(static_cast<CommonTableExpr *>(lfirst(cell))->ctename);
        foreach (cell, clause->ctes) {
            auto *common = static_cast<CommonTableExpr *>(lfirst(cell));
            visit(common->ctequery);
            if (!clause->recursive)
                common_tables_.emplace_back(common->ctename);
        }
    }

    void select(SelectStmt *statement, bool locked) {
        const std::size_t scope = common_tables_.size();
        const bool filtered = filtered_;
        with(statement->withClause);
        if (statement->op != SETOP_NONE) {
            select(statement->larg, false);
            select(statement->rarg, false);
        }
        filtered_ = statement->whereClause || list_length(statement->fromClause) > 1;
        const locked_names names = names_locked_by(statement, locked);
        ListCell *cell;
        foreach (cell, statement->fromClause)
            from(static_cast<Node *>(lfirst(cell)), names);
        filtered_ = filtered;
        for (List *part : {statement->distinctClause, statement->targetList, statement->groupClause,
                           statement->windowClause, statement->valuesLists, statement->sortClause})
            visit(reinterpret_cast<Node *>(part));
        for (Node *part : {statement->whereClause, statement->havingClause, statement->limitOffset,
                           statement->limitCount})
            visit(part);
        common_tables_.resize(scope);
    }

    static locked_names names_locked_by(const SelectStmt *statement, bool by_the_outer_query) {
        locked_names locked{by_the_outer_query, {}};
        ListCell *cell, *inner;
        foreach (cell, statement->lockingClause) {
            const List *relations = static_cast<LockingClause *>(lfirst(cell))->lockedRels;
            locked.all = locked.all || !relations;
            foreach (inner, relations)
                locked.names.emplace_back(static_cast<RangeVar *>(lfirst(inner))->relname);
        }
        return locked;
    }

    /* As isLockedRefname() in parse analysis: FOR UPDATE reaches into subqueries of FROM. */
    void from(Node *node, const locked_names &locked) {
        switch (nodeTag(node)) {
        case T_RangeVar: {
            auto *relation = reinterpret_cast<RangeVar *>(node);
            const char *name = relation->alias ? relation->alias->aliasname : relation->relname;
            return mention(relation, locked.holds(name) ? RowShareLock : AccessShareLock);
        }
        case T_RangeSubselect: {
            auto *sub = reinterpret_cast<RangeSubselect *>(node);
            return select(reinterpret_cast<SelectStmt *>(sub->subquery),
                          locked.holds(sub->alias ? sub->alias->aliasname : ""));
        }
        case T_JoinExpr: {
            auto *join = reinterpret_cast<JoinExpr *>(node);
            const bool filtered = filtered_;
            filtered_ = true;
            from(join->larg, locked);
            from(join->rarg, locked);
            visit(join->quals);
            filtered_ = filtered;
            return;
        }
        case T_RangeTableSample: {
            auto *sample = reinterpret_cast<RangeTableSample *>(node);
            from(sample->relation, locked);
            return visit(reinterpret_cast<Node *>(sample->args));
        }
        default:
            return visit(node);
        }
    }

    /* Its target is no mention: what happens to it is for those who know the statement. */
    void write(Node *node, const RangeVar *target, WithClause *clause) {
        const std::size_t scope = common_tables_.size();
        const bool filtered = filtered_;
        with(clause);
        const RangeVar *const outer = target_;
        target_ = target;
        filtered_ = true;
        found_.writes.push_back(node);
        walk_raw(node, visit, this);
        filtered_ = filtered;
        target_ = outer;
        common_tables_.resize(scope);
    }

    query_reading &found_;
    const RangeVar *target_ = nullptr;
    std::vector<std::string> common_tables_;
    bool filtered_ = false;
};

} // namespace

query_reading read_query(Node *node) {
    query_reading found;
    reader walker(found);
    call([&] { walker.visit(node); });
    return found;
}

} // namespace confiture::pg
