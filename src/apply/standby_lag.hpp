#pragma once
/* How far the standbys are behind. */
#include <deque>
#include <optional>
#include <string>

namespace confiture::apply {

/* A standby that is behind, and by how many milliseconds. */
struct lagging_standby {
    std::string name;
    double ms;
};

class standby_lag {
public:
    /* The streaming standby that is farthest behind; nothing where all have replayed everything. */
    std::optional<lagging_standby> farthest();

    /* Standbys whose state the owner of the extension may not see. */
    static long hidden();

private:
    struct position {
        double at_ms; // on now_ms()'s clock
        double wal;   // in bytes
    };

    /* Where the WAL stood at some times, the oldest first. */
    std::deque<position> written_;
};

} // namespace confiture::apply
