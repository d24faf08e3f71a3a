#pragma once
/* Who runs this session, and small services of the server. */
#include "pg/plain.hpp"

#include "pg/function.hpp"

#include <optional>
#include <string>
#include <vector>

namespace confiture::pg {

std::string current_role_name();
/* As the roles stand now; nothing for a role that is not there. */
std::optional<bool> is_superuser(const std::string &role);
/* Has the role the rights of the other one, or may it take them on by SET ROLE?  A superuser may;
 * nobody but superusers can stand for a role that is not there. */
bool stands_for(const std::string &role, const std::string &other);
bool may_read_server_files();

/* A WARNING or a NOTICE to the client. */
void warn(const std::string &message, const std::string &detail, const std::string &hint);
void notice(const std::string &message, const std::string &detail = {});

/* The text as a JSON string, quoted. */
std::string json_string(const std::string &text);

/* The text as an SQL literal, quoted. */
std::string sql_literal(const std::string &text);

/* SHA-256 of the bytes, in hexadecimal. */
std::string sha256(const std::string &bytes);

/* A regclass argument as a qualified name. */
std::string relation_argument(const arguments &arguments, int index);

/* A session as pg_stat_activity shows it to the current user: pid, role, application, state, query,
 * age of its transaction in milliseconds. */
void write_session(int process_id, json_writer &json);

/* Drops a prepared statement of this session, if it is there.  True if it was. */
bool drop_prepared_statement(const std::string &name);

/* The major version of the server, 15. */
int server_major_version();

} // namespace confiture::pg
