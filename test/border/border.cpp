/*
 * Functions for test/cluster/border.t and hook_timeouts.t alone: they put the border itself
 * (src/pg, the same objects that the extension has) to the proof.  Built by `make border`, never
 * installed.
 */
#include "pg/boundary.hpp"

#include "pg/function.hpp"
#include "pg/memory.hpp"
#include "pg/query.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <limits>

#include <sys/resource.h>
#include <unistd.h>

namespace {

namespace pg = confiture::pg;

int constructed = 0, destroyed = 0;
char trace_file[MAXPGPATH]; // trivial, as every static of a backend must be

/* Says that it was destroyed, where a file is named also to whoever reads that. */
struct witness {
    witness() { constructed++; }
    witness(const witness &) = delete;
    witness &operator=(const witness &) = delete;
    ~witness() {
        destroyed++;
        if (trace_file[0])
            std::ofstream(trace_file, std::ios::app) << "destroyed\n";
    }
};

/* Frames of C++ with something to destroy in each. */
void hold(const std::string &statement, int depth) {
    witness here;
    auto there = std::make_unique<witness>();
    if (depth > 0)
        hold(statement, depth - 1);
    else
        pg::query(statement);
}

/* All that backend memory contexts hold. */
std::size_t allocated() { return MemoryContextMemAllocated(TopMemoryContext, true); }

std::size_t address_space() {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/* Lets this process grow by so much and no more. */
class room {
public:
    explicit room(std::size_t bytes) {
        getrlimit(RLIMIT_AS, &before_);
        rlimit less = before_;
        less.rlim_cur = address_space() + bytes;
        setrlimit(RLIMIT_AS, &less);
    }
    room(const room &) = delete;
    room &operator=(const room &) = delete;
    ~room() { setrlimit(RLIMIT_AS, &before_); }

private:
    rlimit before_;
};

/* A failure that keeps of an error all that it can. */
confiture::failure standing_for(const pg::error &raised) {
    confiture::failure result{confiture::hook_error, std::string("wrapped: ") + raised.what(),
                              raised.detail(), raised.hint()};
    result.context = raised.context();
    result.schema = raised.schema();
    result.table = raised.table();
    result.column = raised.column();
    result.data_type = raised.data_type();
    result.constraint = raised.constraint();
    return result;
}

/* A failure of nine texts, each so long. */
confiture::failure full_failure(std::size_t length) {
    confiture::failure result{confiture::migration_invalid, std::string(length, 'm'),
                              std::string(length, 'd'), std::string(length, 'h')};
    for (std::string *text : {&result.context, &result.schema, &result.table, &result.column,
                              &result.data_type, &result.constraint})
        text->assign(length, 'x');
    return result;
}

/* An ERROR of three long texts.  Raising it takes 224 MB at most: the text, two of the three, the
 * third as it is printed (64 MB) and as it is kept; copying it when it is raised takes 280. */
void raise_long_error() {
    static constexpr std::size_t length = 40 * 1024 * 1024;
    pg::memory_context memory("confiture border test");
    pg::memory_scope scope(memory);
    pg::call([] {
        auto *text = static_cast<char *>(palloc(length));
        std::memset(text, 'x', length - 1);
        text[length - 1] = '\0';
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg_internal("%s", text),
                        errdetail_internal("%s", text), errhint("%s", text)));
    });
}

void divide_by_zero() {
    pg::call([] {
        MemoryContextSwitchTo(TopMemoryContext); // whoever raises may stand anywhere
        DirectFunctionCall2(int4div, Int32GetDatum(1), Int32GetDatum(0));
    });
}

std::string place_of(const ErrorData &data) {
    return std::string(data.funcname) + " " + data.filename + " " + std::to_string(data.lineno);
}

/* What a caught error must have left as it was. */
struct surroundings {
    MemoryContext memory = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    sigjmp_buf *handler = PG_exception_stack;
    ErrorContextCallback *callbacks = error_context_stack;
    int level = GetCurrentTransactionNestLevel();
    bool operator==(const surroundings &other) const {
        return memory == other.memory && owner == other.owner && handler == other.handler &&
               callbacks == other.callbacks && level == other.level;
    }
};

[[noreturn]] void throw_one(const std::string &what) {
    if (what == "a number")
        throw 42;
    if (what == "bad_alloc")
        throw std::bad_alloc();
    if (what == "a failure")
        throw confiture::failure{confiture::migration_invalid, "message", "Detail.", "Hint."};
    if (what == "a full failure")
        throw full_failure(1000);
    if (what == "a failure of 180 MB")
        throw full_failure(std::size_t{20} * 1024 * 1024);
    if (what == "a number inside call") {
        pg::call([] { throw 42; });
    } else if (what == "an oversized string") {
        std::string text;
        text.resize(text.max_size());
    } else if (what == "a length_error") {
        std::string text;
        text.resize(text.max_size() + 1);
    } else if (what == "an oversized palloc") {
        pg::call([] { palloc(MaxAllocSize + 1); });
    } else if (what == "an oversized block of a memory_context") {
        pg::memory_context memory("confiture border test");
        (void)memory.allocate(std::size_t{1} << 47, alignof(void *));
    } else if (what == "a block beyond every size") {
        pg::memory_context memory("confiture border test");
        (void)memory.allocate(std::numeric_limits<std::size_t>::max() / 2 + 1, alignof(void *));
    } else if (what == "a full vector of a memory_context") {
        pg::memory_context memory("confiture border test");
        boost::container::pmr::vector<std::uint64_t> numbers(&memory);
        numbers.resize(std::size_t{1} << 44);
    } else if (what == "an error too long to copy") {
        room little(std::size_t{252} * 1024 * 1024);
        raise_long_error();
    }
    throw std::logic_error("nothing was thrown: " + what);
}

} // namespace

extern "C" {
__attribute__((visibility("default"))) PG_FUNCTION_INFO_V1(confiture_border_plain);

/* The server's own way, without a C++ frame: what an error looks like that nobody carried. */
__attribute__((visibility("default"))) Datum confiture_border_plain(PG_FUNCTION_ARGS) {
    SPI_connect();
    SPI_execute_with_args(text_to_cstring(PG_GETARG_TEXT_PP(0)), 0, nullptr, nullptr, nullptr,
                          false, 0);
    SPI_finish();
    PG_RETURN_VOID();
}
}

/* Runs a statement and lets its error pass: untouched, caught and thrown on, through a savepoint,
 * as another exception's cause that is kept while more errors come and go. */
CONFITURE_FUNCTION(confiture_border_pass) {
    const std::string statement = arguments.text(0), way = arguments.text(1);
    if (way == "untouched") {
        pg::query(statement);
    } else if (way == "thrown on") {
        try {
            hold(statement, 3);
        } catch (const pg::error &raised) {
            throw pg::error(raised);
        }
    } else if (way == "in a savepoint") {
        pg::in_subtransaction([&] { pg::query(statement); });
    } else if (way == "in three savepoints") {
        pg::in_subtransaction([&] {
            pg::in_subtransaction([&] { pg::in_subtransaction([&] { hold(statement, 1); }); });
        });
    } else if (way == "kept for later") {
        std::exception_ptr kept;
        try {
            pg::in_subtransaction([&] { pg::query(statement); });
        } catch (const pg::error &) {
            kept = std::current_exception();
        }
        for (int i = 0; i < 10; i++)
            try {
                pg::in_subtransaction([] { pg::query("SELECT 1 / 0"); });
            } catch (const pg::error &) {
            }
        std::rethrow_exception(kept);
    }
    return {};
}

/* Raises a failure in the place of a statement's error. */
CONFITURE_FUNCTION(confiture_border_wrap) {
    const std::string statement = arguments.text(0);
    try {
        pg::in_subtransaction([&] { pg::query(statement); });
    } catch (const pg::error &raised) {
        throw standing_for(raised);
    }
    return {};
}

/* What the C++ side can read of a statement's error. */
CONFITURE_FUNCTION(confiture_border_caught) {
    const std::string statement = arguments.text(0);
    try {
        pg::in_subtransaction([&] { pg::query(statement); });
    } catch (const pg::error &raised) {
        const ErrorData &data = *raised.held()->data;
        return pg::text_array({raised.sqlstate(), raised.what(), raised.detail(), raised.hint(),
                               raised.context(), raised.schema(), raised.table(), raised.column(),
                               raised.constraint(), raised.data_type(), raised.internal_query(),
                               std::to_string(raised.position()), place_of(data)});
    }
    return {};
}

CONFITURE_FUNCTION(confiture_border_hold) {
    hold(arguments.text(0), 3);
    return {};
}

/* A loop of our own, which calls PostgreSQL for nothing but interrupts. */
CONFITURE_FUNCTION(confiture_border_spin) {
    witness here;
    for (;;)
        pg::check_for_interrupts();
}

/* Works for so many milliseconds without a look at interrupts, and sends itself one on the way:
 * never for a negative time. */
static void work(int duration, int interrupt) {
    const double began = pg::now_ms();
    bool sent = interrupt < 0;
    for (double spent = 0; spent < duration; spent = pg::now_ms() - began)
        if (!sent && spent >= interrupt) {
            kill(getpid(), SIGINT);
            sent = true;
        }
}

CONFITURE_FUNCTION(confiture_border_busy) {
    work(arguments.integer(0), arguments.integer(1));
    return {};
}

/* The same while the error of an interrupt is on its way. */
CONFITURE_FUNCTION(confiture_border_unwind) {
    const int duration = arguments.integer(0), interrupt = arguments.integer(1);
    try {
        pg::check_for_interrupts();
    } catch (const pg::error &) {
        work(duration, interrupt);
        throw;
    }
    return {};
}

CONFITURE_FUNCTION(confiture_border_witnesses) {
    const std::string seen = std::to_string(constructed) + " " + std::to_string(destroyed);
    constructed = destroyed = 0;
    return pg::text(seen);
}

CONFITURE_FUNCTION(confiture_border_trace) {
    strlcpy(trace_file, arguments.text(0).c_str(), sizeof trace_file);
    return {};
}

CONFITURE_FUNCTION(confiture_border_throw) {
    witness here;
    throw_one(arguments.text(0));
}

/* Catches so many times what confiture_border_throw() throws, and says by how many bytes that made
 * the backend's memory contexts grow, or what was not as before. */
CONFITURE_FUNCTION(confiture_border_catch) {
    const std::string what = arguments.text(0);
    const int count = arguments.integer(1);
    std::size_t first = 0;
    const surroundings before;
    for (int i = 0; i < count; i++) {
        if (i == count / 10) // what is allocated once and kept is allocated by now
            first = allocated();
        try {
            if (what == "an ERROR outside of savepoints") // harmless: it leaves nothing undone
                divide_by_zero();
            else
                pg::in_subtransaction([&] {
                    if (what == "an ERROR")
                        divide_by_zero();
                    else if (what == "the ERROR of a statement")
                        hold("SELECT 1 / 0", 1);
                    else
                        throw_one(what);
                });
            return pg::text("nothing was thrown");
        } catch (const std::logic_error &raised) {
            return pg::text(raised.what());
        } catch (...) {
        }
        if (!(surroundings() == before))
            return pg::text("the surroundings are others after " + std::to_string(i + 1));
    }
    return pg::text(std::to_string(allocated() - first));
}

/* Which exception comes of an error that there is no memory to copy. */
CONFITURE_FUNCTION(confiture_border_copy) {
    const auto megabytes = static_cast<std::size_t>(arguments.integer(0));
    try {
        pg::in_subtransaction([&] {
            room little(megabytes * 1024 * 1024);
            raise_long_error();
        });
    } catch (const std::bad_alloc &) {
        return pg::text("bad_alloc");
    } catch (const pg::error &raised) {
        return pg::text(raised.sqlstate() + " " + std::to_string(raised.detail().size()));
    }
    return {};
}

/* What arrives of a failure of 180 MB where so little memory is left to raise it: the SQLSTATE and
 * the length of its shortest text. */
CONFITURE_FUNCTION(confiture_border_raise) {
    const auto megabytes = static_cast<std::size_t>(arguments.integer(0));
    try {
        pg::in_subtransaction([&] {
            room little(megabytes * 1024 * 1024);
            pg::query("SELECT border.throw('a failure of 180 MB')");
        });
    } catch (const std::bad_alloc &) {
        return pg::text("bad_alloc");
    } catch (const pg::error &raised) {
        return pg::text(
            raised.sqlstate() + " " +
            std::to_string(std::min(
                {std::strlen(raised.what()), raised.detail().size(), raised.hint().size(),
                 raised.context().size(), raised.schema().size(), raised.table().size(),
                 raised.column().size(), raised.data_type().size(), raised.constraint().size()})));
    }
    return {};
}

CONFITURE_FUNCTION(confiture_border_memory) {
    return pg::bigint(static_cast<std::int64_t>(allocated()));
}
