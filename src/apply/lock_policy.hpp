#pragma once
/* What follows when a step did not get a lock: who is in the way, whether and when to try again. */
#include "pg/plain.hpp"

#include "migration/failure_record.hpp"
#include "pg/session_watch.hpp"

#include <map>
#include <string>
#include <vector>

namespace confiture::apply {

/* An attempt that failed. */
struct failed_attempt {
    migration::failure_record error;
    std::vector<pg::lock_wait> waits;
    double began_ms = 0, ended_ms = 0; // as pg::now_ms()
    bool is_final = false;             // another attempt is out of the question
};

class lock_policy {
public:
    explicit lock_policy(std::string what) : what_(std::move(what)) {}

    /* Is it worth another try?  Tells the client who was in the way, and deals with them where
     * confiture.terminate_blockers says so.  To be called in a transaction of its own, which is
     * committed before the pause. */
    bool goes_on(const failed_attempt &failed);

    /* What goes_on() is going to say, as far as it is up to the failure. */
    bool would_go_on(const failed_attempt &failed) const;

    int attempts() const { return attempts_; }
    /* The process ids of the last attempt. */
    std::vector<int> blockers() const;

    /* How long to hold nothing before the next attempt. */
    int pause_ms();

    /* The failure that ends the tries: MG009 with the facts. */
    migration::failure_record give_up(const failed_attempt &failed) const;

private:
    std::string lock_of(const failed_attempt &failed) const;
    std::string what_stopped(const failed_attempt &failed) const;
    void note_blockers(const failed_attempt &failed);
    void end_blockers(double now);

    std::string what_; // 'migration "001"'
    int attempts_ = 0;
    std::map<int, double> blocking_since_; // process ids of the last attempt
    std::string blockers_;                 // of the last attempt, in words
};

} // namespace confiture::apply
