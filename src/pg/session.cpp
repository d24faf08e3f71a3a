#include "pg/session.hpp"

#include "pg/boundary.hpp"
#include "pg/catalog.hpp"
#include "pg/query.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "utils/json.h"
}

namespace confiture::pg {

std::string current_role_name() {
    return call([] { return GetUserNameFromId(GetUserId(), false); });
}

std::optional<bool> is_superuser(const std::string &role) {
    if (role.size() >= NAMEDATALEN) // the cache compares names of one length
        return std::nullopt;
    struct answer {
        bool there, superuser;
    };
    const answer found = call([&]() -> answer {
        const Oid id = get_role_oid(role.c_str(), true);
        return {OidIsValid(id), OidIsValid(id) && superuser_arg(id)};
    });
    return found.there ? std::optional(found.superuser) : std::nullopt;
}

bool stands_for(const std::string &role, const std::string &other) {
    if (is_superuser(role).value_or(false))
        return true;
    if (!is_superuser(role) || !is_superuser(other))
        return false;
    return call([&] {
        const Oid member = get_role_oid(role.c_str(), false);
        const Oid of = get_role_oid(other.c_str(), false);
#if PG_VERSION_NUM >= 160000 // a membership may give neither, but the right to grant it
        return has_privs_of_role(member, of) || member_can_set_role(member, of);
#else
        return is_member_of_role(member, of);
#endif
    });
}

bool may_read_server_files() {
#if PG_VERSION_NUM >= 140000
    constexpr Oid role = ROLE_PG_READ_SERVER_FILES;
#else
    constexpr Oid role = DEFAULT_ROLE_READ_SERVER_FILES;
#endif
    return call([] { return has_privs_of_role(GetUserId(), role); });
}

void warn(const std::string &message, const std::string &detail, const std::string &hint) {
    call([&] {
        ereport(WARNING, (errmsg_internal("%s", message.c_str()),
                          detail.empty() ? 0 : errdetail_internal("%s", detail.c_str()),
                          hint.empty() ? 0 : errhint("%s", hint.c_str())));
    });
}

void notice(const std::string &message, const std::string &detail) {
    call([&] {
        ereport(NOTICE, (errmsg_internal("%s", message.c_str()),
                         detail.empty() ? 0 : errdetail_internal("%s", detail.c_str())));
    });
}

std::string json_string(const std::string &text) {
    return call([&] {
        StringInfoData buffer;
        initStringInfo(&buffer);
        escape_json(&buffer, text.c_str());
        return buffer.data;
    });
}

std::string sql_literal(const std::string &text) {
    return call([&] { return quote_literal_cstr(text.c_str()); });
}

std::string sha256(const std::string &bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    const auto *hash = call([&] {
        const int size = static_cast<int>(bytes.size());
        const bytea *content = cstring_to_text_with_len(bytes.data(), size);
        return DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, PointerGetDatum(content)));
    });
    std::string hexadecimal;
    const char *at = VARDATA_ANY(hash);
    for (const char *end = at + VARSIZE_ANY_EXHDR(hash); at != end; at++) {
        hexadecimal += digits[static_cast<unsigned char>(*at) >> 4];
        hexadecimal += digits[static_cast<unsigned char>(*at) & 15];
    }
    return hexadecimal;
}

std::string relation_argument(const arguments &arguments, int index) {
    FunctionCallInfo fcinfo = arguments.handle();
    const auto name = name_of_relation(PG_GETARG_OID(index));
    if (!name)
        throw failure{configuration_invalid, "relation with OID " +
                                                 std::to_string(PG_GETARG_OID(index)) +
                                                 " does not exist"};
    return name->name;
}

void write_session(int process_id, json_writer &json) {
    const auto found = query("SELECT usename, application_name, state, left(query, 300), "
                             "extract(epoch FROM clock_timestamp() - xact_start) * 1000 "
                             "FROM pg_stat_activity WHERE pid = $1::integer",
                             {std::to_string(process_id)});
    json.begin_object();
    json.member("pid", process_id);
    if (!found.empty()) {
        const char *names[] = {"role", "application", "state", "query"};
        for (std::size_t i = 0; i < std::size(names); i++)
            if (found[0][i])
                json.member(names[i], *found[0][i]);
        if (found[0][4])
            json.member("transaction_age_ms", std::stod(*found[0][4]));
    }
    json.end_object();
}

bool drop_prepared_statement(const std::string &name) {
    return call([&] {
        if (!FetchPreparedStatement(name.c_str(), false))
            return false;
        DropPreparedStatement(name.c_str(), false);
        return true;
    });
}

int server_major_version() { return PG_VERSION_NUM / 10000; }

} // namespace confiture::pg
