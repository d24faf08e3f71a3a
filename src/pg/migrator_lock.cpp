#include "pg/migrator_lock.hpp"

#include "pg/boundary.hpp"
#include "pg/catalog.hpp"
#include "pg/proc.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

#include <algorithm>
#include <string>

extern "C" {
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/inval.h"
}

namespace confiture::pg {

namespace {

/* As the owner: a script may have taken on a role that has no rights on the schema. */
oid migrator_view() {
    const as_owner owner;
    const oid view = find_relation("confiture.migrator");
    if (view == 0)
        throw failure{configuration_invalid, "the extension confiture is not installed",
                      "There is no confiture.migrator.", "CREATE EXTENSION confiture."};
    return view;
}

lock_tag tag_of(oid view) {
    LOCKTAG tag;
    SET_LOCKTAG_RELATION(tag, MyDatabaseId, view);
    return plain(tag);
}

lock_tag gate_of(oid view) {
    return {MyDatabaseId, RelationRelationId, view, 0, LOCKTAG_OBJECT, USER_LOCKMETHOD};
}

/* A transaction that was rolled back whole has given it up. */
bool holds(const lock_tag &tag, int mode) {
    const LOCKTAG locktag = raw(tag);
    return LockHeldByMe(&locktag, mode CONFITURE_LOCK_HELD_EXACTLY);
}

void release(const lock_tag &tag, int mode) {
    if (holds(tag, mode))
        release_session_lock(tag, mode);
}

std::string holder_of(const lock_tag &tag) {
    for (int process_id : conflicting_sessions(tag, ExclusiveLock)) {
        const auto found =
            query("SELECT usename, application_name, to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS') "
                  "FROM pg_stat_activity WHERE pid = $1::integer",
                  {std::to_string(process_id)});
        if (!found.empty())
            return "Process " + std::to_string(process_id) + " (role \"" +
                   found[0][0].value_or("?") + "\", application \"" + found[0][1].value_or("") +
                   "\") holds it in a transaction begun at " + found[0][2].value_or("?") + ".";
    }
    return "The holder has just let it go.";
}

/* CREATE INDEX CONCURRENTLY, for one, waits for the end of every snapshot, also of the one that the
 * statement has which waits for the lock: for ever. */
bool holder_waits_for_us() {
    return !query("SELECT FROM pg_locks AS waiting JOIN pg_locks AS ours USING (virtualxid) "
                  "WHERE ours.pid = pg_backend_pid() AND ours.granted AND NOT waiting.granted")
                .empty();
}

lock_tag extension_tag() {
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId,
                       call([] { return get_extension_oid("confiture", false); }), 0);
    return plain(tag);
}

bool take_within(int milliseconds, const lock_tag &tag, bool for_session) {
    try {
        in_subtransaction([&] {
            settings_scope wait;
            wait.set("lock_timeout", std::to_string(milliseconds).c_str());
            const LOCKTAG locktag = raw(tag);
            call([&] {
                // A session's lock is waited for without a snapshot.
                InvalidateCatalogSnapshot();
                LockAcquire(&locktag, ExclusiveLock, for_session, false);
                AcceptInvalidationMessages();
            });
        });
        return true;
    } catch (const error &raised) {
        if (raised.sqlstate() != "55P03")
            throw;
        return false;
    }
}

/* DROP EXTENSION begins with a lock on the extension: it waits there before it has locked tables
 * that the migrator needs.  Whoever has no rights can lock the extension, too (ALTER FUNCTION …
 * DEPENDS ON EXTENSION), and is not waited for. */
bool keep_from_being_dropped(bool for_session) {
    const LOCKTAG extension = raw(extension_tag());
    return call([&] {
        return LockAcquire(&extension, AccessShareLock, for_session, true) != LOCKACQUIRE_NOT_AVAIL;
    });
}

[[noreturn]] void refuse(const lock_tag &tag, bool in_the_way) {
    throw failure{
        migrator_locked, "another migrator is at work in this database",
        holder_of(tag) +
            (in_the_way ? " A statement of it waits for the end of this transaction." : ""),
        in_the_way ? "Try again when it is done."
                   : "Try again when it is done, or raise confiture.migrator_wait (" +
                         std::to_string(migrator_wait()) + " ms)."};
}

/* 0 would wait for ever; a migrator that must not wait at all waits a millisecond. */
int patience() { return std::max(migrator_wait(), 1); }

void wait_for_gate(const lock_tag &gate, bool for_session) {
    constexpr int look_ms = 400, before_notice_ms = 300;
    int left = patience();
    bool in_the_way = false, told = false;
    while (left > 0 && !in_the_way) {
        const int wait = !told         ? std::min(left, before_notice_ms)
                         : for_session ? left
                                       : std::min(left, look_ms);
        if (take_within(wait, gate, for_session))
            return;
        left -= wait;
        if (!told && left > 0)
            notice("waiting for another migrator", holder_of(gate));
        told = true;
        in_the_way = left > 0 && holder_waits_for_us();
    }
    refuse(gate, in_the_way);
}

/* Whoever has it without the gate is no migrator, but DROP EXTENSION for one. */
void take_view(const lock_tag &view, bool for_session) {
    if (!take_within(patience(), view, for_session))
        refuse(view, false);
}

/* Returns the view. */
oid take(bool for_session) {
    for (;;) {
        const oid view = migrator_view();
        wait_for_gate(gate_of(view), for_session);
        try {
            take_view(tag_of(view), for_session);
            if (migrator_view() == view) // it may have been dropped meanwhile
                return view;
        } catch (...) {
            if (for_session) {
                release(tag_of(view), ExclusiveLock);
                release(gate_of(view), ExclusiveLock);
            }
            throw;
        }
        if (for_session) {
            release(tag_of(view), ExclusiveLock);
            release(gate_of(view), ExclusiveLock);
        }
    }
}

} // namespace

lock_tag migrators_queue() { return gate_of(migrator_view()); }

void lock_migrator() {
    take(false);
    keep_from_being_dropped(false);
}

migrator_lock::migrator_lock() {
    const oid view = take(true);
    gate_ = gate_of(view);
    view_ = tag_of(view);
    try {
        if (keep_from_being_dropped(true))
            extension_ = extension_tag();
    } catch (...) {
        release(view_, ExclusiveLock);
        release(gate_, ExclusiveLock);
        throw;
    }
}

migrator_lock::~migrator_lock() {
    if (extension_)
        release(*extension_, AccessShareLock);
    release(view_, ExclusiveLock);
    release(gate_, ExclusiveLock);
}

void migrator_lock::keep() {
    if (!holds(gate_, ExclusiveLock))
        take_session_lock(gate_, ExclusiveLock);
}

bool migrator_lock::take_again() {
    const bool kept = holds(gate_, ExclusiveLock);
    if (!kept && !take_session_lock(gate_, ExclusiveLock))
        refuse(gate_, false);
    if (!holds(view_, ExclusiveLock))
        take_view(view_, true);
    if (!(migrators_queue() == gate_))
        throw failure{migrator_locked, "the extension confiture was dropped meanwhile",
                      "It is another one now.", "Look at confiture.status."};
    if (extension_ && !holds(*extension_, AccessShareLock) && !keep_from_being_dropped(true))
        extension_.reset();
    return kept;
}

} // namespace confiture::pg
