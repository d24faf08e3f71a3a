#pragma once
/* Many new rows of a table of confiture's own, past the executor. */
#include "pg/function.hpp"
#include "pg/memory.hpp"

#include <initializer_list>
#include <vector>

namespace confiture::pg {

/* Writes as COPY does: a page of rows at a time, with their index entries, and without triggers.
 * An identity column numbers itself; a column that is not named stays null. */
class table_appender {
public:
    table_appender(const char *table, std::initializer_list<const char *> columns);
    table_appender(const table_appender &) = delete;
    table_appender &operator=(const table_appender &) = delete;
    ~table_appender();

    void add(const std::vector<value> &columns);
    /* The rows are there for the next command; none is without it. */
    void finish();

private:
    struct target;

    void flush();

    memory_context memory_{"confiture new rows"}; // of those that are not written yet
    std::unique_ptr<target> target_;
};

} // namespace confiture::pg
