#pragma once
/* What a tool fills in before it runs a script.  As long as nobody gives values here, a script that
 * has it is refused rather than run with the name in the place of the value. */
#include "migration/layouts/reading.hpp"

namespace confiture::migration::readers {

/* ${name}, wherever it stands: in strings, names, bodies and comments too. */
void refuse_placeholders(const file &script, std::string_view tool);

/* {{ … }}, likewise. */
void refuse_templates(const file &script, std::string_view tool);

/* :name, :'name', :"name" and :{?name} of psql, which leaves quoted texts and comments alone. */
void refuse_psql_variables(const file &script);

/* :NAME of graphile-migrate, in quoted texts and comments too. */
void refuse_graphile_placeholders(const file &script);

} // namespace confiture::migration::readers
