#pragma once
/* What the earlier statements of a plan leave behind, as far as the catalog does not know it yet.
 *
 * A plan runs nothing: it reads the catalog as it is before the first statement.  Relations that
 * the script makes have numbers of the book's own, names are looked up in the book first, and what
 * a statement has changed is remembered, so that nothing that is read of it afterwards is told as
 * certain. */
#include "pg/postgres.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace confiture::pg {

/* One relation made to depend on another by the script. */
struct script_link {
    enum class kind : std::uint8_t {
        foreign_key, // from the referencing to the referenced table
        child,       // from the parent to the child or partition
        reads,       // from the view to what its query names
        part_of,     // from the index to its table
    };
    kind what;
    Oid from, to;
    char on_update, on_delete; // of a foreign key, as in pg_constraint
};

class script_book {
public:
    /* Relations that the script makes, and their names. */
    Oid make(const std::string &schema, const std::string &name, char kind);
    bool is_made(Oid relation) const { return made_.count(relation) > 0; }
    char kind_of_made(Oid relation) const;
    std::string schema_of_made(Oid relation) const;
    void rename(Oid relation, const std::string &schema, const std::string &name);
    void drop(Oid relation) { gone_.insert(relation); }

    /* Does the book know a relation of this name in any schema? */
    bool knows(const std::string &name) const;
    /* The relation that has this name now; 0 for none that the book knows. */
    Oid find(const std::string &schema, const std::string &name) const;
    /* Does what the catalog knows under a name still have it? */
    bool has_kept_its_name(Oid relation) const {
        return moved_.count(relation) == 0 && gone_.count(relation) == 0;
    }

    /* Schemas that were renamed: the name that the catalog knows. */
    void rename_schema(const std::string &from, const std::string &to);
    std::string schema_before(const std::string &name) const;
    void make_schema(const std::string &name) { made_schemas_.insert(name); }
    bool makes_schema(const std::string &name) const { return made_schemas_.count(name) > 0; }
    bool makes_schemas() const { return !made_schemas_.empty(); }

    /* What a statement changed, with the sentence that says so. */
    void touch(Oid relation, const std::string &reason) { touched_.emplace(relation, reason); }
    const std::string *touched(Oid relation) const;
    const std::map<Oid, std::string> &all_touched() const { return touched_; }
    /* An index without a name in the script, which the server will choose. */
    void add_unnamed_index(Oid table) { unnamed_indexes_.insert(table); }
    const std::set<Oid> &tables_of_unnamed_indexes() const { return unnamed_indexes_; }
    /* Code that rows set off: triggers, rules, defaults. */
    void add_code(Oid relation) { with_code_.insert(relation); }
    bool has_code(Oid relation) const { return with_code_.count(relation) > 0; }

    void link(script_link::kind what, Oid from, Oid to, char on_update = 'a', char on_delete = 'a');
    const std::vector<script_link> &links() const { return links_; }

    /* Types, functions and other objects that are no relations. */
    void touch_name(const std::string &name, const std::string &reason);
    void add_function(const std::string &name) { functions_.insert(name); }
    bool makes_function(const std::string &name) const { return functions_.count(name) > 0; }
    /* The sentence of the first such object that the statement names; null for none. */
    const std::string *touched_name(std::string_view statement) const;

    /* All that follows is likely at best, names without a schema are open, or everything is: the
     * first reason stays. */
    void doubt_all(const std::string &reason);
    const std::string &doubt() const { return doubt_; }
    void doubt_names(const std::string &reason);
    const std::string &doubt_of_names() const { return doubt_of_names_; }
    void open_all(const std::string &reason);
    const std::string &open() const { return open_; }

    /* SET LOCAL ends. */
    void end_transaction();
    /* SET ends. */
    void end_script() { settings.clear(); }

    /* SET and SET LOCAL of what a prediction depends on, in their order. */
    struct setting_change {
        std::string name;
        std::optional<std::string> value; // nothing for RESET
        bool local;
    };
    std::vector<setting_change> settings;

private:
    struct made_relation {
        char kind;
    };
    struct named_relation {
        std::string schema, name;
        Oid relation;
    };
    std::map<Oid, made_relation> made_;
    std::vector<named_relation> names_; // the newest is the last
    std::set<Oid> moved_, gone_, unnamed_indexes_, with_code_;
    std::map<std::string, std::string> schemas_;
    std::map<Oid, std::string> touched_;
    std::vector<script_link> links_;
    std::map<std::string, std::string> touched_names_;
    std::set<std::string> functions_, made_schemas_;
    std::string doubt_, doubt_of_names_, open_;
};

} // namespace confiture::pg
