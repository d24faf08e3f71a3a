#pragma once
/*
 * Where PostgreSQL's longjmp and C++ exceptions meet.
 *
 *   SQL -> boundary() -> C++ code -> call() -> PostgreSQL
 *
 * call():     an ERROR inside becomes a C++ exception, so destructors run.
 * boundary(): an exception becomes an ERROR again, once every C++ object of ours is gone.
 *
 * Nothing else in confiture may raise ereport(ERROR) or catch "...".
 */
#include "pg/postgres.hpp"

#include "pg/error.hpp"

namespace confiture::pg {

struct error::holder {
    MemoryContext context = nullptr; // owns data; null once it was handed over
    ErrorData *data = nullptr;
    ~holder();
};

namespace internal {

/* Runs body(argument) under PG_TRY and puts the ERROR that it raised, if any, into `caught`.
 * Returns false where there was no memory to copy that ERROR. */
bool run_and_catch(void (*body)(void *), void *argument, error::holder &caught) noexcept;

/* What boundary() will raise.  Plain data: nothing to destroy when it jumps. */
struct pending_error {
    ErrorData *from_postgres = nullptr;
    int sqlstate = 0;
    char *message = nullptr, *detail = nullptr, *hint = nullptr, *context = nullptr;
    char *schema = nullptr, *table = nullptr, *column = nullptr, *data_type = nullptr,
         *constraint = nullptr;

    void take(const error &raised, MemoryContext owner) noexcept;
    void set(int code, const char *message, const char *detail = "",
             const char *hint = "") noexcept;
    void set(const failure &raised) noexcept;
    [[noreturn]] void raise() const;
};

} // namespace internal

/* Calls into PostgreSQL.  Keep the body to the call itself: an ERROR jumps out of it without
 * running destructors, so it must own nothing. */
template <typename F> auto call(F &&body) -> std::invoke_result_t<F &> {
    using result_type = std::invoke_result_t<F &>;
    static_assert(std::is_trivially_destructible_v<std::remove_reference_t<F>>,
                  "capture by reference: an ERROR would leak what the body owns");
    static_assert(std::is_void_v<result_type> || std::is_trivially_copyable_v<result_type>,
                  "return plain data from PostgreSQL");
    using slot =
        std::conditional_t<std::is_void_v<result_type>, char, std::remove_const_t<result_type>>;
    struct frame {
        std::remove_reference_t<F> *body;
        slot result;
        std::exception_ptr thrown;
    } current{&body, {}, nullptr};

    error::holder raised;
    const bool copied = internal::run_and_catch(
        [](void *argument) {
            auto *inside = static_cast<frame *>(argument);
            try {
                if constexpr (std::is_void_v<result_type>)
                    (*inside->body)();
                else
                    inside->result = (*inside->body)();
            } catch (...) { // must not cross PG_TRY
                inside->thrown = std::current_exception();
            }
        },
        &current, raised);
    if (!copied)
        throw std::bad_alloc();
    if (raised.data) {
        auto held = std::make_shared<error::holder>();
        std::swap(*held, raised);
        throw error(std::move(held));
    }
    if (current.thrown)
        std::rethrow_exception(current.thrown);
    if constexpr (!std::is_void_v<result_type>)
        return current.result;
}

/* Wraps every function that PostgreSQL calls: SQL functions, hooks, callbacks. */
template <typename F> auto boundary(F &&body) -> std::invoke_result_t<F &> {
    static_assert(std::is_trivially_destructible_v<std::remove_reference_t<F>>);
    MemoryContext caller = CurrentMemoryContext;
    internal::pending_error pending;
    try {
        return body();
    } catch (const error &raised) {
        pending.take(raised, caller);
    } catch (const failure &raised) {
        pending.set(raised);
    } catch (const std::bad_alloc &) {
        pending.set(ERRCODE_OUT_OF_MEMORY, "out of memory");
    } catch (const std::length_error &raised) {
        pending.set(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "size limit exceeded", raised.what());
    } catch (const std::exception &raised) {
        pending.set(ERRCODE_INTERNAL_ERROR, raised.what());
    } catch (...) {
        pending.set(ERRCODE_INTERNAL_ERROR, "unknown C++ exception");
    }
    CurrentMemoryContext = caller;
    pending.raise(); // the exception is destroyed: jumping is safe from here
}

} // namespace confiture::pg
