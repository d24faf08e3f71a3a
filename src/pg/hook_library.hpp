#pragma once
/* Hooks of other extensions' C code: found by library and symbol, loaded when they run first. */
#include "pg/plain.hpp"

#include "pg/hook_function.hpp"

#include <string>

namespace confiture::pg {

/* Loads the library where it is not loaded yet.  Throws pg::error where the server cannot, and
 * failure{configuration_invalid} where the symbol is no hook of this version. */
void load_library_hook(const std::string &library, const std::string &symbol);

/* Loads and calls it; what it allocates stays in the current memory context.  Throws the same, and
 * what the hook raises. */
hook_output call_library_hook(const std::string &library, const std::string &symbol,
                              const hook_input &input);

} // namespace confiture::pg
