#include "hooks/script_hooks.hpp"

#include "pg/jsonb.hpp"
#include "pg/settings.hpp"

#include <algorithm>

namespace confiture::hooks {

hook_list hooks_of(const migration::parsed_script &parsed) {
    hook_list hooks;
    std::shared_ptr<const pg::script> script;
    for (const migration::shipped_hook &shipped : parsed.hooks) {
        hook own;
        own.name = shipped.name;
        own.when = phase_named(shipped.phase);
        own.priority = shipped.priority;
        own.continues = shipped.continues;
        own.line = shipped.line;
        own.config = pg::jsonb_image(shipped.config);
        int milliseconds = 0;
        if (shipped.timeout && pg::parse_milliseconds(*shipped.timeout, milliseconds)) {
            // 0 is none: less than half a millisecond is not.
            const bool none = shipped.timeout->find_first_of("123456789") == std::string::npos;
            own.timeout_ms = none ? 0 : std::max(milliseconds, 1);
        }
        if (!shipped.built_in.empty()) {
            own.function = "confiture." + shipped.built_in + "(confiture.hook_context)";
        } else {
            if (!script)
                script = std::make_shared<pg::script>(
                    pg::script{parsed.script.file, parsed.script.text, {}, {}});
            own.script = script;
            own.statements = shipped.statements;
        }
        hooks.push_back(std::make_shared<const hook>(std::move(own)));
    }
    return hooks;
}

} // namespace confiture::hooks
