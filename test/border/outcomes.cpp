/* Functions for test/cluster/outcomes.t alone: what apply asks the catalog about a statement whose
 * answer was lost. */
#include "apply/outcome.hpp"
#include "pg/function.hpp"
#include "pg/json.hpp"
#include "pg/jsonb.hpp"

namespace apply = confiture::apply;
namespace pg = confiture::pg;

CONFITURE_FUNCTION(confiture_border_look_before) {
    return pg::text(apply::look_before(arguments.text(0)));
}

CONFITURE_FUNCTION(confiture_border_look_after) {
    static constexpr const char *words[] = {"done", "not_done", "unknown"};
    const apply::finding found = apply::look_after(arguments.text(0), arguments.text(1));
    pg::jsonb_builder json;
    json.begin_object();
    json.member("outcome", words[static_cast<int>(found.what)]);
    json.member("sentence", found.sentence);
    json.member("cleanup", found.cleanup);
    json.member("harmless_twice", found.harmless_twice);
    json.member("busy", found.busy);
    json.end_object();
    return json.finish();
}
