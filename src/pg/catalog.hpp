#pragma once
/* What the catalog and the relation cache say of objects, read with no lock of its own: for
 * relations that this session has locked. */
#include "pg/plain.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace confiture::pg {

using oid = std::uint32_t;

/* Objects below this one came with the server. */
inline constexpr oid first_user_oid = 16384;

struct relation_name {
    std::string name; // qualified, quoted where needed
    char kind;        // pg_class.relkind
    bool temporary;
};

/* Has rows of its own, or of its partitions. */
inline bool is_table(char kind) { return kind == 'r' || kind == 'p' || kind == 'm' || kind == 'f'; }

/* From the system cache; nothing where the relation is not (or no longer, or not yet) visible. */
std::optional<relation_name> name_of_relation(oid relation);

/* From the relation cache, which answers without a lock; nothing where the relation is gone.  The
 * file is pg_class.relfilenode: 0 for a mapped relation or one without storage. */
std::optional<oid> file_of_relation(oid relation);
std::optional<std::int64_t> bytes_of_relation(oid relation);

/* The server's pending statistics of this session for a relation, as they grow. */
struct relation_activity {
    std::int64_t scans = 0;
    std::int64_t tuples_read = 0;
    std::int64_t inserted = 0, updated = 0, deleted = 0;
};
relation_activity activity_of(oid relation);

/* 'table public.orders', 'index …'; nothing where it is gone. */
std::optional<std::string> describe(oid class_id, oid object_id, std::int32_t sub_id);

/* Is it the row type of a table or view, or an array type: one that comes and goes with another? */
bool is_accompanying_type(oid type);

/* The table of an index; 0 for what is none. */
oid table_of_index(oid index);

/* The indexes of a table; none of what is not one. */
std::vector<oid> indexes_of(oid table);

/* The relation itself and its partitions or children, at every depth. */
std::vector<oid> partitions_of(oid relation);

/* The relation that a possibly qualified name finds now, without a lock; 0 for none. */
oid find_relation(const std::string &qualified_name);

struct constraint_state {
    oid relation;
    bool validated;
    bool checks_rows; // CHECK, FOREIGN KEY, NOT NULL
    bool is_foreign_key;
};
std::optional<constraint_state> state_of_constraint(oid constraint);

/* The relation's own name, unquoted. */
std::string unqualified_name(oid relation);

/* The owner of a relation, which stays its owner until the transaction ends, if the current role
 * has that role's privileges; else the current role.  Throws pg::error where there is none. */
oid owner_to_act_as(oid relation);

oid extension_owner();
oid current_database();
/* Of the server and the database: others after a restore. */
std::string database_identity();

/* The extension whose script runs now; nothing where none does. */
std::optional<std::string> extension_being_created();
bool extension_is_there(const std::string &name);

/* Confiture's own schema; 0 where the extension is not there. */
oid extension_schema();
oid schema_of_relation(oid relation);

} // namespace confiture::pg
