#include "pg/memory.hpp"

#include "pg/boundary.hpp"

namespace confiture::pg {

static MemoryContext context_of(void *handle) { return static_cast<MemoryContext>(handle); }

/* The contexts of PostgreSQL keep the pointer to their name: it must be a constant. */
memory_context::memory_context(const char *constant_name)
    : context_(call([&] {
          return AllocSetContextCreateInternal(TopMemoryContext, constant_name,
                                               ALLOCSET_DEFAULT_SIZES);
      })) {}

memory_context::~memory_context() { MemoryContextDelete(context_of(context_)); }

void memory_context::reset() noexcept { MemoryContextReset(context_of(context_)); }

void *memory_context::do_allocate(std::size_t bytes, std::size_t alignment) {
    if (alignment > MAXIMUM_ALIGNOF || bytes > MaxAllocHugeSize)
        throw std::bad_alloc();
    void *memory = MemoryContextAllocExtended(context_of(context_), bytes,
                                              MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
    if (!memory)
        throw std::bad_alloc();
    return memory;
}

void memory_context::do_deallocate(void *pointer, std::size_t, std::size_t) noexcept {
    pfree(pointer);
}

memory_scope::memory_scope(const memory_context &context) noexcept
    : before_(MemoryContextSwitchTo(context_of(context.handle()))) {}

memory_scope::~memory_scope() { MemoryContextSwitchTo(context_of(before_)); }

} // namespace confiture::pg
