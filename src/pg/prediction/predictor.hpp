#pragma once
/* One predictor for one statement; its parts are the other files of this folder, one for each kind.
 */
#include "pg/postgres.hpp"

#include "pg/prediction.hpp"
#include "pg/prediction/script_book.hpp"

namespace confiture::pg {

struct query_reading;

struct foreign_key {
    Oid constraint, table, referenced, parent;
    char on_update, on_delete;
    bool validated;
    int count; // of the columns; 0 where the script makes it and they are not known
    AttrNumber columns[INDEX_MAX_KEYS], referenced_columns[INDEX_MAX_KEYS];
};

class predictor {
public:
    /* `origin` names the statement in the reasons of later ones. */
    predictor(script_book &book, std::string origin) : book_(book), origin_(std::move(origin)) {}

    /* Predicts it and writes into the book what it changes. */
    void whole(Node *node, std::string_view text);
    std::vector<prediction> take() { return std::move(found_); }

    /* After it, whether it was understood or not. */
    void lower_certainty();

    /* Code runs, that may do anything, now and to what follows. */
    void unknown(std::string reason);
    /* It may do more than is told, but nothing that changes what follows. */
    void open(std::string reason);

private:
    static constexpr certainty certain = certainty::certain, likely = certainty::likely;

    /* What one cause does to a relation; causes add up. */
    struct effect {
        LOCKMODE mode = NoLock;
        expectation rewrites = {}, scans = {};
        certainty locks = certainty::certain;
        const char *reason = "";
        bool planned = false;
    };
    static effect scanning(LOCKMODE mode, bool scans = true) {
        return {mode, {}, {scans, certain}};
    }
    static effect rewriting(LOCKMODE mode) { return {mode, {true, certain}, {true, certain}}; }
    static effect perhaps(LOCKMODE mode, const char *reason) {
        return {mode, {}, {}, likely, reason};
    }
    static effect read_by_plan(LOCKMODE mode) { return {mode, {}, {}, certain, "", true}; }

    /* Relations by name and by OID. */
    Oid named(const RangeVar *variable, const effect &what);
    Oid find(const RangeVar *relation);
    Oid look_up(const RangeVar *relation) const;
    void consult(Oid relation);
    void relation(Oid oid, const effect &what);
    void inheritors(Oid parent, const effect &what);
    void with_inheritors(Oid parent, const effect &what);
    Oid makes(const RangeVar *relation, char kind);
    Oid makes_in(Oid schema, const char *name, char kind);
    std::string schema_of(Oid relation) const;

    /* The catalog with what the script has added: they hide the functions of the same names. */
    char kind_of(Oid relation) const;
    std::vector<Oid> inheritors_of(Oid parent);
    Oid parent_of(Oid partition) const;
    Oid table_of_index(Oid index) const;
    Oid part_named(Oid table, const char *index) const;
    std::vector<foreign_key> foreign_keys_of(Oid table) const;
    std::vector<foreign_key> foreign_keys_to(Oid table) const;

    /* script_changes.cpp: what the statement changes for those that follow. */
    void statement(Node *node);
    void note_changes(Node *node);
    void note_name(const std::string &name);
    void note_type(List *name);
    void note_function(List *name, bool is_new);
    void note_object(ObjectType type, Node *object);
    void note_dependents(Oid class_id, Oid object_id);
    void note_setting(const VariableSetStmt *statement);
    void note_set_config(const FuncCall *called, bool runs_once);
    void note_event_triggers(Node *node);
    void note_expressions(Oid table, List *elements);
    void inherit_code(Oid from, Oid to);

    /* made_relations.cpp: what the script has made, and what it has tied to others. */
    void alter_made(Oid table, const AlterTableStmt *whole, const AlterTableCmd *command,
                    LOCKMODE mode);
    void alter_touched(Oid table, const AlterTableCmd *command, LOCKMODE mode);
    void alter_partners(Oid table, const AlterTableCmd *command);
    void drop_made(Oid relation, bool cascade);
    void drop_partners(Oid relation);
    void tables_of_unnamed_indexes(LOCKMODE mode);
    void cascade_to_touched();
    void read_made(Oid view, LOCKMODE mode);

    /* query.cpp */
    enum class depth { analysed, rewritten, planned, executed };
    void query(Node *node, depth how);
    void copy(const CopyStmt *statement);
    void read(const query_reading &reading, depth how);
    void written(Node *node, depth how);
    void expand_rules(Oid oid, CmdType event, bool for_update);
    void expand_query(Oid of, Query *query, bool for_update);
    void bounds_of_partition(Oid oid);
    void read_by_policies(Oid table);
    void read_rows_since(std::size_t first);
    void read_children(Oid parent, LOCKMODE mode, bool filtered);

    /* row_checks.cpp */
    struct row_event {
        bool inserts, updates, deletes;
        List *columns; // of an INSERT, or NIL for all
    };
    void row_checks(Oid table, const row_event &event);
    static bool sets_off_code(Oid table);
    bool may_run_code(const FuncCall *called) const;
    void code_of_rows(Oid table, const row_event &event);
    void foreign_keys_of_rows(Oid table, const row_event &event, std::vector<Oid> &seen);

    /* create.cpp */
    void create_table(const CreateStmt *statement);
    void create_partition(Oid parent, Oid made);
    void lock_referencing(Oid table);
    void row_type(const TypeName *name);
    void create_index(const IndexStmt *statement);
    void create_trigger(const CreateTrigStmt *statement);
    void create_function(const CreateFunctionStmt *statement);
    void create_table_as(const CreateTableAsStmt *statement);
    void create_view(const ViewStmt *statement);
    void create_rule(const RuleStmt *statement);
    void alter_policy(const AlterPolicyStmt *statement);
    void body_in_sql(Node *body);
    void create_schema(const CreateSchemaStmt *statement);
    void owned_by(List *options);
    void publish(List *objects);
    void set_publication(const char *name);

    /* drop.cpp */
    void drop(const DropStmt *statement);
    void drop_one(const DropStmt *statement, Node *node);
    void dropped(const ObjectAddress &start, bool cascade);
    void lock_to_delete(const ObjectAddress &object);
    void truncate(const TruncateStmt *statement);
    void owned_sequences(Oid table, AttrNumber column);

    /* maintenance.cpp */
    void comment(ObjectType type, Node *object);
    void rename(const RenameStmt *statement);
    void set_schema(const AlterObjectSchemaStmt *statement);
    void reindex(const ReindexStmt *statement);
    void reindex_table(Oid table, bool concurrently);
    void reindex_index(Oid index, bool concurrently);
    void depends_on_extension(const AlterObjectDependsStmt *statement);
    void refresh(const RefreshMatViewStmt *statement);
    void cluster(const RangeVar *table);
    void vacuum(const VacuumStmt *statement);
    void lock(const LockStmt *statement);
    void lock_view(Oid view, LOCKMODE mode);
    void grant(const GrantStmt *statement);
    void alter_domain(const AlterDomainStmt *statement);
    void columns_of_domain(Oid domain, LOCKMODE mode, bool scans);
    void typed_tables(Oid type, const effect &what);

    /* alter_table.cpp */
    void alter_table(const AlterTableStmt *statement);
    void alter_one(Oid table, const AlterTableStmt *whole, const AlterTableCmd *command,
                   LOCKMODE mode);
    void set_not_null(Oid table, const char *column, bool recurse, LOCKMODE mode);
    void enable_triggers(Oid table, const AlterTableCmd *command, bool recurse, LOCKMODE mode);

    /* alter_column.cpp */
    void add_column(Oid table, const ColumnDef *column, bool recurse, LOCKMODE mode);
    void alter_column_type(Oid table, const AlterTableCmd *command, LOCKMODE mode);
    void set_expression(Oid table, const char *column, LOCKMODE mode);
    void drop_column(Oid table, const AlterTableCmd *command, bool recurse, LOCKMODE mode);

    /* constraint.cpp */
    void add_constraint(Oid table, const Constraint *constraint, bool recurse, LOCKMODE mode);
    void add_index_constraint(Oid table, const Constraint *constraint, bool recurse, LOCKMODE mode);
    void keyed_already(Oid part, Oid referenced);
    void add_foreign_key(Oid table, const Constraint *constraint, bool checks, bool recurse);
    void drop_constraint(Oid table, const AlterTableCmd *command, bool recurse, LOCKMODE mode);
    void validate_constraint(Oid table, const char *name, bool recurse, LOCKMODE mode);
    void alter_constraint(Oid table, const AlterTableCmd *command, LOCKMODE mode);

    /* partition.cpp */
    void attach_partition(Oid parent, const PartitionCmd *command, LOCKMODE mode);
    void attach_index(Oid parent, const PartitionCmd *command, LOCKMODE mode);
    void detach_partition(Oid parent, const PartitionCmd *command, LOCKMODE mode);
    void default_partition(Oid parent, bool checked);
    void bounds(const PartitionBoundSpec *bound);

    script_book &book_;
    std::string origin_;
    std::vector<prediction> found_;
    std::vector<Oid> consulted_;
    std::string open_before_;       // why anything may have happened before
    std::string names_open_before_; // why names without a schema may mean anything
    bool searched_ = false;         // such a name was looked up
    std::string stale_;             // the first reason why what was read may be out of date
};

/* Helpers that more than one part needs. */
std::vector<Oid> inheritors_of(Oid parent);
/* The direct ones. */
std::vector<Oid> children_of(Oid parent);
char kind_of(Oid relation);
bool has_storage(Oid relation);
/* Does the expression call functions in a language that runs statements? */
bool runs_code(Node *expression);
bool any_function_runs_code(List *name);
bool function_runs_code(Oid function);
Node *stored_expression(const char *text);
/* The partitioned table above a partition; 0 for none. */
Oid parent_of(Oid partition);

std::vector<foreign_key> foreign_keys_of(Oid table);
std::vector<foreign_key> foreign_keys_to(Oid table);

struct dependent {
    Oid class_id, object_id;
    int sub_id;
    char kind; // pg_depend.deptype
};
/* What depends on an object; `sub` 0 means the object with all its parts. */
std::vector<dependent> dependents_of(Oid class_id, Oid object_id, int sub);
/* What it depends on itself. */
std::vector<dependent> dependencies_of(Oid class_id, Oid object_id);

} // namespace confiture::pg
