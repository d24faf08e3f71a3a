#pragma once
/* The parts of prediction.cpp: one predictor for one statement. */
#include "pg/postgres.hpp"

#include "pg/prediction.hpp"

namespace confiture::pg {

class predictor {
public:
    explicit predictor(std::vector<std::string> &made_before) : made_(made_before) {}

    void statement(Node *node);
    std::vector<prediction> take() { return std::move(found_); }

private:
    struct effect {
        LOCKMODE mode;
        bool rewrites = false, scans = false;
        certainty sure = certainty::certain;
        const char *reason = "";
    };

    /* Relations by name and by OID; an effect is merged into what is known of the relation. */
    Oid named(const RangeVar *relation, const effect &what);
    void relation(Oid relation, const effect &what);
    void with_children(Oid parent, const effect &what);
    void unknown(const char *reason);
    void makes(const RangeVar *relation);
    void makes(const char *name);
    bool made(const RangeVar *relation) const;

    void query(Node *node);
    void written(const RangeVar *target, Node *query, bool checks_foreign_keys);
    void create_table(const CreateStmt *statement);
    void create_index(const IndexStmt *statement);
    void drop(const DropStmt *statement);
    void rename(const RenameStmt *statement);
    void comment(const CommentStmt *statement);
    void reindex(const ReindexStmt *statement);

    void alter_table(const AlterTableStmt *statement);
    void alter_one(Oid table, const AlterTableCmd *command, LOCKMODE mode);
    void add_constraint(Oid table, const Constraint *constraint, LOCKMODE mode);
    void add_column(Oid table, const ColumnDef *column, LOCKMODE mode);
    void alter_column_type(Oid table, const AlterTableCmd *command, LOCKMODE mode);
    void drop_constraint(Oid table, const char *name);
    void validate_constraint(Oid table, const char *name);
    void referenced_tables(Oid table, LOCKMODE mode);
    void referencing_tables(Oid table, LOCKMODE mode);

    std::vector<std::string> &made_;
    std::vector<prediction> found_;
};

} // namespace confiture::pg
