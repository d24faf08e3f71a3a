#pragma once
/*
 * What a session and its worker share: a segment that carries the job there, and a queue in it that
 * carries messages of the server's protocol back.
 */
#include "pg/postgres.hpp"

extern "C" {
#include "libpq/pqmq.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"

/* The worker's entry point.  Not callable from SQL: it has no pg_finfo_ beside it. */
__attribute__((visibility("default"))) void confiture_top_level_worker(Datum segment);
}

namespace confiture::pg {

/* Of this layout: a worker whose library has been replaced by one of another release since the
 * session loaded its own must not read the segment. */
inline constexpr std::uint64_t job_magic = 0x636f6e6669740002;

enum job_part : std::uint64_t {
    part_header,
    part_statement,
    part_receipt,
    part_names,
    part_libraries,
    part_settings,
    part_queue
};

struct job_header {
    Oid database;
    Oid session_user;
    Oid role; // of SET ROLE; invalid for none
    int timeout_ms;
    int lock_timeout_ms;
};

/* What the worker has done, said in letters that the protocol does not use. */
enum job_message : char {
    message_begun = 'b',
    message_nothing_kept = 'r', // the statement has failed, and had committed nothing
    message_done = 'f',         // the statement has committed; with a job_completion
    message_end = 'e',          // and so has the receipt
};

struct job_completion {
    CommandTag tag;
    std::uint64_t rows;
};

} // namespace confiture::pg
