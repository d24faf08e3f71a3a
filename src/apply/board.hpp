#pragma once
/* What a migrator lets other sessions read of itself. */
#include "pg/plain.hpp"

#include "pg/progress.hpp"

#include <optional>

namespace confiture::apply {

struct board {
    pg::progress now;
    std::optional<pg::progress_publisher> publisher; // none in the caller's transaction

    void publish() {
        if (publisher)
            publisher->publish(now);
    }
    void publish(pg::activity doing) {
        now.doing = doing;
        publish();
    }
};

} // namespace confiture::apply
