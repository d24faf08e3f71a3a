#pragma once
/* Other sessions, as a DETAIL names them. */
#include <string>
#include <vector>

namespace confiture::apply {

/* "Process 4711 (role …, application …) …", one sentence each; empty for none. */
std::string sessions_text(const std::vector<int> &process_ids);

} // namespace confiture::apply
