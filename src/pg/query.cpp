#include "pg/query.hpp"

#include "pg/boundary.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace confiture::pg {

namespace {

/* SPI_finish() raises nothing; after a caught ERROR it still stands above the failed statement. */
struct connection {
    connection() {
        call([] { SPI_connect(); });
    }
    connection(const connection &) = delete;
    connection &operator=(const connection &) = delete;
    ~connection() { SPI_finish(); }
};

/* Runs body with a connection, its names found by this search_path.  What is read is unpacked after
 * its statement, which needs a snapshot: where a procedure is between statements of a user it is
 * ours, in a subtransaction that takes it back after an ERROR. */
template <typename F> auto connected(const std::string &search_path, F &&body) {
    const auto run = [&] {
        settings_scope settings;
        settings.set("search_path", search_path.c_str());
        connection spi;
        return body();
    };
    if (ActiveSnapshotSet())
        return run();
    return in_subtransaction([&] {
        call([] { PushActiveSnapshot(GetTransactionSnapshot()); });
        auto result = run();
        call([] { PopActiveSnapshot(); });
        return result;
    });
}

constexpr const char *own_path = "pg_catalog, pg_temp";

/* What one column holds, in the memory of SPI. */
struct bytes {
    const char *data; // null for null
    std::size_t size;
};

void read_columns(HeapTuple tuple, TupleDesc descriptor, Datum *data, bool *nulls, bytes *columns) {
    heap_deform_tuple(tuple, descriptor, data, nulls);
    for (int column = 0; column < descriptor->natts; column++) {
        columns[column] = {nullptr, 0};
        if (nulls[column])
            continue;
        const Oid type = SPI_gettypeid(descriptor, column + 1);
        if (type == TEXTOID || type == BYTEAOID) {
            struct varlena *packed = PG_DETOAST_DATUM_PACKED(data[column]);
            columns[column] = {VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed)};
        } else {
            const char *printed = SPI_getvalue(tuple, descriptor, column + 1);
            columns[column] = {printed, std::strlen(printed)};
        }
    }
}

class row_reader {
public:
    explicit row_reader(const SPITupleTable *table)
        : table_(table), data_(width()), columns_(width()), nulls_(new bool[width()]) {}

    /* Assigns: a row that is read into again and again keeps its room. */
    void read(std::uint64_t index, record &row) {
        call([&] {
            read_columns(table_->vals[index], table_->tupdesc, data_.data(), nulls_.get(),
                         columns_.data());
        });
        row.resize(columns_.size());
        for (std::size_t i = 0; i < columns_.size(); i++)
            if (!columns_[i].data)
                row[i].reset();
            else if (row[i])
                row[i]->assign(columns_[i].data, columns_[i].size);
            else
                row[i].emplace(columns_[i].data, columns_[i].size);
    }

private:
    std::size_t width() const { return static_cast<std::size_t>(table_->tupdesc->natts); }

    const SPITupleTable *table_;
    std::vector<Datum> data_;
    std::vector<bytes> columns_;
    std::unique_ptr<bool[]> nulls_;
};

std::vector<record> read_rows() {
    std::vector<record> rows(SPI_tuptable ? SPI_processed : 0);
    if (rows.empty())
        return rows;
    row_reader reader(SPI_tuptable);
    for (std::uint64_t i = 0; i < rows.size(); i++)
        reader.read(i, rows[i]);
    return rows;
}

void run(const std::string &statement, std::vector<Oid> &types, std::vector<Datum> &data,
         const std::string &nulls) {
    call([&] {
        const int code = SPI_execute_with_args(statement.c_str(), static_cast<int>(types.size()),
                                               types.data(), data.data(), nulls.c_str(), false, 0);
        if (code < 0)
            elog(ERROR, "%s: %s", SPI_result_code_string(code), statement.c_str());
    });
}

Datum text_datum(const std::string &content) {
    return call([&] {
        return PointerGetDatum(
            cstring_to_text_with_len(content.data(), static_cast<int>(content.size())));
    });
}

void run(const std::string &statement, const std::vector<field> &parameters) {
    std::vector<Oid> types(parameters.size(), TEXTOID);
    std::vector<Datum> data;
    std::string nulls;
    for (const field &parameter : parameters) {
        data.push_back(parameter ? text_datum(*parameter) : Datum{0});
        nulls += parameter ? ' ' : 'n';
    }
    run(statement, types, data, nulls);
}

} // namespace

std::vector<record> query(const std::string &statement, const std::vector<field> &parameters) {
    return connected(own_path, [&] {
        run(statement, parameters);
        return read_rows();
    });
}

void for_each_row(const std::string &statement, const std::vector<field> &parameters,
                  const std::function<void(const record &)> &take) {
    connected(own_path, [&] {
        run(statement, parameters);
        const std::uint64_t count = SPI_processed;
        row_reader reader(SPI_tuptable);
        record row;
        for (std::uint64_t i = 0; i < count; i++) {
            reader.read(i, row);
            take(row);
        }
        return count;
    });
}

std::uint64_t execute(const std::string &statement, const std::vector<field> &parameters) {
    return connected(own_path, [&] {
        run(statement, parameters);
        return SPI_processed;
    });
}

static std::uint64_t count_rows(Portal cursor) {
    constexpr int at_once = 1000;
    std::uint64_t count = 0;
    do {
        SPI_cursor_fetch(cursor, true, at_once);
        SPI_freetuptable(SPI_tuptable);
        count += SPI_processed;
    } while (SPI_processed > 0);
    SPI_cursor_close(cursor);
    return count;
}

/* _SPI_execute_plan() has no more than a number to say of these. */
static void refuse_what_spi_cannot(Node *statement) {
    const char *tag = GetCommandTagName(CreateCommandTag(statement));
    if (IsA(statement, TransactionStmt))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("%s cannot run here", tag),
                        errdetail("The statement runs in a savepoint of its own."),
                        errhint("Leave it out.")));
    if (IsA(statement, CopyStmt) && !reinterpret_cast<CopyStmt *>(statement)->filename)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("%s cannot run here", tag),
                        errdetail("There is no client for it to speak to."),
                        errhint("Use INSERT or SELECT, or COPY with a file of the server.")));
}

/* What comes after a semicolon would run unseen by whoever puts an EXPLAIN in front.  SPI_prepare()
 * itself takes any number of statements. */
static SPIPlanPtr prepare_one(const std::string &statement, int parameters, Oid *types) {
    SPIPlanPtr plan =
        SPI_prepare_cursor(statement.c_str(), parameters, types, CURSOR_OPT_PARALLEL_OK);
    if (!plan)
        elog(ERROR, "%s", SPI_result_code_string(SPI_result));
    if (const int count = list_length(SPI_plan_get_plan_sources(plan)); count != 1)
        ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
                        errmsg("one statement runs at a time, not %d", count)));
    auto *source = static_cast<CachedPlanSource *>(linitial(SPI_plan_get_plan_sources(plan)));
    refuse_what_spi_cannot(source->raw_parse_tree->stmt);
    return plan;
}

static Datum read_value(const char *content, Oid type) {
    if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("type with OID %u does not exist", type)));
    Oid input, parameter;
    getTypeInputInfo(type, &input, &parameter);
    return OidInputFunctionCall(input, const_cast<char *>(content), parameter, -1);
}

/* The values of parameters, in the memory of SPI. */
struct parameter_list {
    explicit parameter_list(const std::vector<typed_parameter> &parameters) {
        for (const typed_parameter &parameter : parameters) {
            types.push_back(parameter.type);
            data.push_back(
                call([&] { return read_value(parameter.content.c_str(), parameter.type); }));
        }
    }
    int count() const { return static_cast<int>(types.size()); }

    std::vector<Oid> types;
    std::vector<Datum> data;
};

static std::uint64_t execute_one(const std::string &statement, int count, Oid *types, Datum *data,
                                 const char *nulls) {
    SPIPlanPtr plan = prepare_one(statement, count, types);
    if (SPI_is_cursor_plan(plan))
        return count_rows(SPI_cursor_open(nullptr, plan, data, nulls, false));
    const int code = SPI_execute_plan(plan, data, nulls, false, 0);
    if (code < 0)
        elog(ERROR, "%s", SPI_result_code_string(code));
    return SPI_processed;
}

std::uint64_t execute_with_path(const std::string &search_path, const std::string &statement,
                                const field &key, unsigned int key_type) {
    return connected(search_path, [&] {
        return call([&]() -> std::uint64_t {
            Oid type = key_type;
            Datum datum = key ? read_value(key->c_str(), type) : 0;
            const char null = key ? ' ' : 'n';
            return execute_one(statement, OidIsValid(type) ? 1 : 0, &type, &datum, &null);
        });
    });
}

std::uint64_t execute_typed(const std::string &search_path, const std::string &statement,
                            const std::vector<typed_parameter> &parameters) {
    return connected(search_path, [&] {
        parameter_list values(parameters);
        return call([&] {
            return execute_one(statement, values.count(), values.types.data(), values.data.data(),
                               nullptr);
        });
    });
}

void check_statement(const std::string &search_path, const std::string &statement,
                     const std::vector<unsigned int> &types) {
    connected(search_path, [&] {
        std::vector<Oid> copy(types.begin(), types.end());
        call([&] { prepare_one(statement, static_cast<int>(copy.size()), copy.data()); });
        return true;
    });
}

std::vector<record> query_typed(const std::string &statement,
                                const std::vector<typed_parameter> &parameters) {
    return connected(own_path, [&] {
        parameter_list values(parameters);
        run(statement, values.types, values.data, std::string(parameters.size(), ' '));
        return read_rows();
    });
}

std::vector<record> query_with_path(const std::string &search_path, const std::string &statement) {
    return connected(search_path, [&] {
        call([&] {
            const int code =
                SPI_execute_plan(prepare_one(statement, 0, nullptr), nullptr, nullptr, false, 0);
            if (code < 0)
                elog(ERROR, "%s", SPI_result_code_string(code));
        });
        return read_rows();
    });
}

std::vector<record> query_arrays(const std::string &statement,
                                 const std::vector<std::vector<field>> &arrays) {
    return connected(own_path, [&] {
        std::vector<Oid> types(arrays.size(), TEXTARRAYOID);
        std::vector<Datum> data;
        for (const std::vector<field> &array : arrays) {
            std::vector<Datum> elements;
            auto nulls = std::make_unique<bool[]>(array.size() + 1);
            for (std::size_t i = 0; i < array.size(); i++) {
                elements.push_back(array[i] ? text_datum(*array[i]) : Datum{0});
                nulls[i] = !array[i];
            }
            data.push_back(call([&] {
                int size = static_cast<int>(elements.size()), lower = 1;
                return PointerGetDatum(construct_md_array(elements.data(), nulls.get(), 1, &size,
                                                          &lower, TEXTOID, -1, false,
                                                          TYPALIGN_INT));
            }));
        }
        run(statement, types, data, std::string(arrays.size(), ' '));
        return read_rows();
    });
}

} // namespace confiture::pg
