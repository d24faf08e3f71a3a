#include "pg/tracer.hpp"

#include "pg/boundary.hpp"

extern "C" {
#include "portability/instr_time.h"
}

#include <fcntl.h>
#include <unistd.h>

namespace confiture::pg {

double now_ms() {
    instr_time now;
    INSTR_TIME_SET_CURRENT(now);
    return INSTR_TIME_GET_MILLISEC(now);
}

static std::int64_t signed_count(std::uint64_t count) { return static_cast<std::int64_t>(count); }

resources resources_spent() {
    return {signed_count(pgWalUsage.wal_bytes),
            signed_count(static_cast<std::uint64_t>(pgWalUsage.wal_records)),
            signed_count(static_cast<std::uint64_t>(pgWalUsage.wal_fpi)),
            pgBufferUsage.shared_blks_hit,
            pgBufferUsage.shared_blks_read,
            pgBufferUsage.shared_blks_dirtied,
            pgBufferUsage.shared_blks_written,
            pgBufferUsage.local_blks_hit,
            pgBufferUsage.local_blks_read,
            pgBufferUsage.local_blks_dirtied,
            pgBufferUsage.local_blks_written,
            pgBufferUsage.temp_blks_read,
            pgBufferUsage.temp_blks_written};
}

resources resources::operator-(const resources &earlier) const {
    return {wal_bytes - earlier.wal_bytes,
            wal_records - earlier.wal_records,
            wal_full_page_images - earlier.wal_full_page_images,
            shared_hit - earlier.shared_hit,
            shared_read - earlier.shared_read,
            shared_dirtied - earlier.shared_dirtied,
            shared_written - earlier.shared_written,
            local_hit - earlier.local_hit,
            local_read - earlier.local_read,
            local_dirtied - earlier.local_dirtied,
            local_written - earlier.local_written,
            temp_read - earlier.temp_read,
            temp_written - earlier.temp_written};
}

resources &resources::operator+=(const resources &more) {
    const resources negated = resources{} - more;
    return *this = *this - negated;
}

/* Linux: "5" sets the peak back to what is resident now (proc_pid_clear_refs(5)). */
void reset_peak_memory() {
    const int file = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return;
    [[maybe_unused]] const auto written = ::write(file, "5", 1);
    ::close(file);
}

std::int64_t peak_memory() {
    const int file = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    char content[4096];
    const auto size = ::read(file, content, sizeof content - 1);
    ::close(file);
    if (size <= 0)
        return 0;
    content[size] = '\0';
    const char *line = std::strstr(content, "VmHWM:");
    return line ? std::strtoll(line + 6, nullptr, 10) * 1024 : 0;
}

} // namespace confiture::pg
