#include "pg/table_appender.hpp"

#include "pg/boundary.hpp"
#include "pg/catalog.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/dependency.h"
#include "commands/sequence.h"
}

namespace confiture::pg {

namespace {

constexpr int rows_at_once = 500;
constexpr std::size_t bytes_at_once = 65536;

} // namespace

struct table_appender::target {
    Relation relation = nullptr;
    EState *executor = nullptr; // owns all below
    ResultRelInfo *indexes = nullptr;
    BulkInsertState bulk = nullptr;
    AttrNumber identity = InvalidAttrNumber;
    Oid sequence = InvalidOid;
    std::vector<AttrNumber> columns;
    TupleTableSlot *slots[rows_at_once] = {};
    int waiting = 0;
    std::size_t waiting_bytes = 0;

    void open(const char *table);
    void find_identity();
    AttrNumber column(const char *name) const;
    void store(const std::vector<value> &row);
    void write();
    void close();
};

void table_appender::target::open(const char *table) {
    relation = table_open(get_relname_relid(table, extension_schema()), RowExclusiveLock);
    executor = CreateExecutorState();
    MemoryContext before = MemoryContextSwitchTo(executor->es_query_cxt);
    indexes = makeNode(ResultRelInfo);
    InitResultRelInfo(indexes, relation, 0, nullptr, 0);
    ExecOpenIndices(indexes, false);
    bulk = GetBulkInsertState();
    find_identity();
    MemoryContextSwitchTo(before);
}

void table_appender::target::find_identity() {
    TupleDesc row = RelationGetDescr(relation);
    for (int i = 0; i < row->natts; i++) {
        if (TupleDescAttr(row, i)->attidentity == '\0')
            continue;
        identity = TupleDescAttr(row, i)->attnum;
#if PG_VERSION_NUM >= 170000
        sequence = getIdentitySequence(relation, identity, false);
#else
        sequence = getIdentitySequence(RelationGetRelid(relation), identity, false);
#endif
    }
}

AttrNumber table_appender::target::column(const char *name) const {
    const AttrNumber found = get_attnum(RelationGetRelid(relation), name);
    if (found == InvalidAttrNumber)
        elog(ERROR, "column \"%s\" of relation \"%s\" does not exist", name,
             RelationGetRelationName(relation));
    return found;
}

/* In the current memory context. */
void table_appender::target::store(const std::vector<value> &row) {
    TupleTableSlot *&slot = slots[waiting];
    if (!slot) {
        MemoryContext before = MemoryContextSwitchTo(executor->es_query_cxt);
        slot = table_slot_create(relation, nullptr);
        MemoryContextSwitchTo(before);
    }
    ExecClearTuple(slot);
    std::memset(slot->tts_isnull, true, static_cast<std::size_t>(slot->tts_tupleDescriptor->natts));
    for (std::size_t i = 0; i < columns.size(); i++) {
        slot->tts_values[columns[i] - 1] = row[i].datum;
        slot->tts_isnull[columns[i] - 1] = row[i].null;
    }
    if (identity != InvalidAttrNumber) {
        slot->tts_values[identity - 1] = Int64GetDatum(nextval_internal(sequence, false));
        slot->tts_isnull[identity - 1] = false;
    }
    ExecStoreVirtualTuple(slot);
    waiting_bytes += ExecFetchSlotHeapTuple(slot, true, nullptr)->t_len;
    waiting++;
}

static void add_index_entries(ResultRelInfo *indexes, TupleTableSlot *slot, EState *executor) {
#if PG_VERSION_NUM >= 190000
    ExecInsertIndexTuples(indexes, executor, 0, slot, NIL, nullptr);
#elif PG_VERSION_NUM >= 160000
    ExecInsertIndexTuples(indexes, slot, executor, false, false, nullptr, NIL, false);
#elif PG_VERSION_NUM >= 140000
    ExecInsertIndexTuples(indexes, slot, executor, false, false, nullptr, NIL);
#else
    executor->es_result_relation_info = indexes;
    ExecInsertIndexTuples(slot, executor, false, nullptr, NIL);
#endif
    ResetPerTupleExprContext(executor);
}

void table_appender::target::write() {
    table_multi_insert(relation, slots, waiting, GetCurrentCommandId(true), 0, bulk);
    for (int i = 0; i < waiting; i++) {
        if (indexes->ri_NumIndices > 0)
            add_index_entries(indexes, slots[i], executor);
        ExecClearTuple(slots[i]);
    }
    waiting = 0;
    waiting_bytes = 0;
}

void table_appender::target::close() {
    for (TupleTableSlot *slot : slots)
        if (slot)
            ExecDropSingleTupleTableSlot(slot);
    FreeBulkInsertState(bulk);
    ExecCloseIndices(indexes);
    FreeExecutorState(executor);
    table_close(relation, NoLock);
    CommandCounterIncrement();
}

table_appender::table_appender(const char *table, std::initializer_list<const char *> columns)
    : target_(std::make_unique<target>()) {
    call([&] { target_->open(table); });
    for (const char *name : columns)
        target_->columns.push_back(call([&] { return target_->column(name); }));
}

/* What an ERROR leaves open is the server's to clean up. */
table_appender::~table_appender() = default;

void table_appender::add(const std::vector<value> &columns) {
    const memory_scope scope(memory_);
    call([&] { target_->store(columns); });
    if (target_->waiting == rows_at_once || target_->waiting_bytes > bytes_at_once)
        flush();
}

void table_appender::flush() {
    const memory_scope scope(memory_);
    call([&] { target_->write(); });
    memory_.reset();
}

void table_appender::finish() {
    if (target_->waiting > 0)
        flush();
    call([&] { target_->close(); });
}

} // namespace confiture::pg
