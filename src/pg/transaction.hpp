#pragma once
/* Subtransactions, and what the transaction around a call allows. */
#include "pg/plain.hpp"

#include "pg/tracer.hpp"

#include <type_traits>

namespace confiture::pg {

/* A savepoint.  Rolled back by its destructor unless released; the destructor itself never raises:
 * call roll_back() to see an error of the rollback. */
class subtransaction {
public:
    explicit subtransaction(const char *name = nullptr);
    subtransaction(const subtransaction &) = delete;
    subtransaction &operator=(const subtransaction &) = delete;
    ~subtransaction();

    void release();
    /* Also ends subtransactions that were begun inside and are still open. */
    void roll_back();
    int nesting_level() const { return level_; }

private:
    void *memory_context_;
    void *resource_owner_;
    int level_;
    bool open_ = true;
};

/* Runs body in a savepoint: released when it returns, rolled back when it throws.  The only legal
 * way to survive an ERROR. */
template <typename F> auto in_subtransaction(F &&body) {
    subtransaction savepoint;
    if constexpr (std::is_void_v<decltype(body())>) {
        try {
            body();
        } catch (...) {
            savepoint.roll_back();
            throw;
        }
        savepoint.release();
    } else {
        auto result = [&] {
            try {
                return body();
            } catch (...) {
                savepoint.roll_back();
                throw;
            }
        }();
        savepoint.release();
        return result;
    }
}

/* SAVEPOINT, ROLLBACK TO and RELEASE of a script.  `floor` is the nesting level that stays: the one
 * below the named savepoint. */
void script_savepoint(const char *name);
void script_rollback_to(const char *name, int floor);
void script_release(int floor);

int transaction_nesting_level();
bool transaction_is_read_only();
bool in_recovery();

/* Keeps what the caller SET CONSTRAINTS for the rollback of the subtransaction that begins. */
void save_constraint_modes();

/* What COMMIT begins with: all deferred triggers run, with the settings and the rights that the
 * session has.  Not in a query or a subtransaction, which would forget those of the transaction
 * around it. */
void fire_deferred_triggers();

/* What COMMIT does to temporary tables: ON COMMIT DROP and, where that is wanted, ON COMMIT DELETE
 * ROWS, which no rollback brings back. */
void on_commit_actions(bool delete_rows);

/* Has this transaction come near temporary tables?  Else those of ON COMMIT DELETE ROWS are empty.
 */
bool may_have_temporary_rows();

/* Hears of every transaction and subtransaction that ends while it lives, so that its data can
 * follow. */
class savepoint_listener {
public:
    savepoint_listener();
    savepoint_listener(const savepoint_listener &) = delete;
    savepoint_listener &operator=(const savepoint_listener &) = delete;
    virtual ~savepoint_listener();

    /* The level that ends, as transaction_nesting_level() told it inside: 1 for a transaction. */
    virtual void released(int level) noexcept = 0;
    virtual void rolled_back(int level) noexcept = 0;

private:
    static void tell(int level, bool committed) noexcept;

    savepoint_listener *const outer_;
};

/* Makes the effects of earlier statements visible to what follows. */
void command_counter_increment();

/* CHECK_FOR_INTERRUPTS() for code that owns C++ objects. */
void check_for_interrupts();

/* Confiture's own bookkeeping is read and written as the owner of its tables, and only while no
 * code of a user runs. */
class as_owner {
public:
    as_owner();
    as_owner(const as_owner &) = delete;
    as_owner &operator=(const as_owner &) = delete;
    ~as_owner();

    static bool is_at_work() { return at_work_ > 0; }

private:
    static constinit int at_work_; // how many there are, one in another
    const unobserved own_work_;
    unsigned int user_;
    int security_context_ = 0;
};

/* Looks at something with the eyes of another role.  No code of a user runs meanwhile. */
class as_role {
public:
    enum class operations { all, restricted };

    /* Restricted: as the server runs what tables bring along, the code of index expressions for
     * one, so that it cannot lay up anything for the role that is back afterwards. */
    explicit as_role(unsigned int role, operations allowed = operations::all);
    as_role(const as_role &) = delete;
    as_role &operator=(const as_role &) = delete;
    ~as_role();

private:
    unsigned int user_;
    int security_context_ = 0;
};

/* Whose rights code has now. */
unsigned int current_role();

} // namespace confiture::pg
