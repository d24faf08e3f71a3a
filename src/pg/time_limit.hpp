#pragma once
/* Ends what runs for too long: a cancel of our own when the time is over.  Limits nest. */
#include "pg/plain.hpp"

#include "pg/self_cancel.hpp"

namespace confiture::pg {

class time_limit {
public:
    /* 0: no limit.  Throws pg::error where the server has no timer to give. */
    explicit time_limit(int milliseconds);
    time_limit(const time_limit &) = delete;
    time_limit &operator=(const time_limit &) = delete;
    ~time_limit();

    /* Also where the code inside has caught the cancel and went on, or never looked. */
    bool passed() const noexcept { return passed_; }
    bool caused(const error &raised) const { return passed_ && cancel_.caused(raised); }

private:
    static void on_timer();
    static void arm_for_next(double now);

    self_cancel cancel_;
    time_limit *const outer_;
    const double ends_ms_; // on now_ms()'s clock; 0 for none
    volatile std::sig_atomic_t passed_ = 0;
};

} // namespace confiture::pg
