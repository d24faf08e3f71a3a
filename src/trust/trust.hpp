#pragma once
/*
 * Who may have code run: code that somebody registered is accepted if he is the current role or a
 * superuser, or if the current role pinned its definition.
 *
 * "The current role" is that of the moment of the call: call nothing of this inside pg::as_owner.
 */
#include "pg/plain.hpp"

#include "pg/error.hpp"

#include <string>
#include <vector>

namespace confiture::trust {

/* The current role itself, or a superuser.  False for a role that is no more: whoever makes one of
 * that name again is somebody else. */
bool is_trusted_role(const std::string &role);

/* SHA-256, in hexadecimal. */
std::string hash_of(const std::string &definition);

/* The same for a definition of several parts, none of which can run over into the next. */
std::string hash_of_parts(const std::vector<std::string> &parts);

/* By the current role, as the definition stands. */
bool is_pinned(const std::string &kind, const std::string &name,
               const std::string &definition_hash);
/* By the current role, as the definition stood some time. */
bool was_pinned(const std::string &kind, const std::string &name);

/* For the current role. */
void pin(const std::string &kind, const std::string &name, const std::string &definition_hash);
/* Return how many pins there were. */
int unpin(const std::string &kind, const std::string &name);
int unpin_all(const std::string &kind);

/* Why a role is not trusted: role "bob", who is no superuser */
std::string described(const std::string &role);

/* failure{not_trusted} of the code of this name and of so many more of its kind.  The reason says
 * of the first what it did: was registered by … */
failure refusal(const std::string &kind, const std::string &name, const std::string &reason,
                std::size_t more = 0);

/* What is registered is changed by its registrar, by who stands for that role (see
 * pg::stands_for()), and by superusers.  Throws failure{configuration_invalid} for any other role;
 * `what`: migration "001"; `advice`: what else it can do, in one sentence. */
void refuse_change_by_others(const std::string &role, const std::string &registrar,
                             const std::string &what, const std::string &advice);

} // namespace confiture::trust
