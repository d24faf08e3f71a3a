#pragma once
/* Containers in backend memory: a memory resource over a PostgreSQL memory context of its own. */
#include "pg/plain.hpp"

#include <boost/container/pmr/memory_resource.hpp>

namespace confiture::pg {

/* Lives in TopMemoryContext until it is destroyed, so it survives subtransactions; shown under its
 * name by pg_backend_memory_contexts.  Allocation fails with std::bad_alloc, never with an ERROR.
 */
class memory_context final : public boost::container::pmr::memory_resource {
public:
    explicit memory_context(const char *constant_name);
    memory_context(const memory_context &) = delete;
    memory_context &operator=(const memory_context &) = delete;
    ~memory_context() override;

    void reset() noexcept;
    void *handle() const noexcept { return context_; }

private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void *pointer, std::size_t, std::size_t) noexcept override;
    bool do_is_equal(const memory_resource &other) const noexcept override {
        return this == &other;
    }

    void *context_;
};

/* For a standard container; boost's own allocator has a default that only its library brings. */
template <typename T> struct context_allocator {
    using value_type = T;

    explicit context_allocator(boost::container::pmr::memory_resource *from) : resource(from) {}
    template <typename U>
    context_allocator(const context_allocator<U> &other) : resource(other.resource) {}

    T *allocate(std::size_t count) {
        return static_cast<T *>(resource->allocate(count * sizeof(T), alignof(T)));
    }
    void deallocate(T *pointer, std::size_t count) noexcept {
        resource->deallocate(pointer, count * sizeof(T), alignof(T));
    }
    template <typename U> bool operator==(const context_allocator<U> &other) const {
        return resource == other.resource;
    }

    boost::container::pmr::memory_resource *resource;
};

/* While it lives, PostgreSQL allocates in the given context. */
class memory_scope {
public:
    explicit memory_scope(const memory_context &context) noexcept;
    memory_scope(const memory_scope &) = delete;
    memory_scope &operator=(const memory_scope &) = delete;
    ~memory_scope();

private:
    void *before_;
};

} // namespace confiture::pg
