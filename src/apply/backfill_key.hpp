#pragma once
/* The key that a backfill goes along, and what SQL says of it. */
#include "pg/catalog.hpp"
#include "pg/query.hpp"

#include <optional>
#include <string>
#include <vector>

namespace confiture::apply {

/* The values of one key, column by column, as the output functions print them. */
using key_value = std::vector<std::string>;

class backfill_key {
public:
    /* The primary key of the table, or else a unique index that can stand for it.  Throws
     * failure{configuration_invalid} where there is none. */
    backfill_key(pg::oid table, const std::string &table_name);

    const std::string &index() const { return index_; }
    const std::vector<std::string> &columns() const { return names_; }
    const std::vector<pg::oid> &types() const { return types_; }

    /* `key > ($1, $2)`: the parameters begin at `first`. */
    std::string above(int first) const { return compare(true, first); }
    std::string up_to(int first) const { return compare(false, first); }

    /* The key of the row that stands `offset` rows above `after`, or from the lowest key; nothing
     * where there are not so many rows. */
    std::optional<key_value> find(const std::optional<key_value> &after, int offset) const;
    std::optional<key_value> last() const;

    std::vector<pg::typed_parameter> parameters(const key_value &key) const;
    /* (42, 'x') as people read it. */
    static std::string shown(const key_value &key);

private:
    struct operators {
        std::string less, less_equal, equal, greater_equal, greater;
        bool operator==(const operators &) const = default;
    };

    std::string compare(bool above, int first) const;
    std::string compare_step_by_step(bool above, std::size_t column, int first) const;
    std::optional<key_value> read(const std::string &query,
                                  const std::vector<pg::typed_parameter> &parameters) const;
    std::string selected() const;
    std::string order(const char *direction) const;

    std::string table_;
    std::string index_;
    std::vector<std::string> names_;     // of the columns
    std::vector<std::string> qualified_; // the columns, quoted, with the table
    std::vector<pg::oid> types_;
    std::vector<operators> operators_; // those that the index is for
};

} // namespace confiture::apply
