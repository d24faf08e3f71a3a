#pragma once
/* The hooks in the document of stats. */
#include "pg/plain.hpp"

#include "dry_run/record.hpp"
#include "pg/json.hpp"

#include <vector>

namespace confiture::dry_run {

/* The members hooks and hooks_left_out: the costliest ones and those that failed, in the order in
 * which they ran, in at most 200 kB. */
void write_hooks(const std::vector<hook_record> &hooks, json_writer &json);

} // namespace confiture::dry_run
