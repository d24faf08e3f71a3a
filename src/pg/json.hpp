#pragma once
/* Writing and reading JSON as plain C++ sees it.  The border makes jsonb of it. */
#include "pg/plain.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace confiture {

/* Writes one JSON document.  Members are written as key() followed by a value. */
class json_writer {
public:
    virtual ~json_writer() = default;
    virtual void begin_object() = 0;
    virtual void end_object() = 0;
    virtual void begin_array() = 0;
    virtual void end_array() = 0;
    virtual void key(std::string_view name) = 0;
    virtual void string(std::string_view value) = 0;
    virtual void integer(std::int64_t value) = 0;
    virtual void number(double value) = 0; // kept to three decimals
    virtual void boolean(bool value) = 0;
    virtual void null() = 0;
    /* A whole document, as the border hands it about: the bytes of a jsonb value. */
    virtual void document(const std::string &image) = 0;

    void member(std::string_view name, std::string_view value) { key(name), string(value); }
    void member(std::string_view name, const char *value) { key(name), string(value); }
    void member(std::string_view name, std::int64_t value) { key(name), integer(value); }
    void member(std::string_view name, int value) { key(name), integer(value); }
    void member(std::string_view name, std::uint64_t value) {
        key(name), integer(static_cast<std::int64_t>(value));
    }
    void member(std::string_view name, double value) { key(name), number(value); }
    void member(std::string_view name, bool value) { key(name), boolean(value); }
    void member(std::string_view name, const std::vector<std::string> &values) {
        key(name);
        begin_array();
        for (const std::string &value : values)
            string(value);
        end_array();
    }
};

/* One member of an options object: {"max_wait_caused": "500ms"}. */
struct json_member {
    enum class kind { string, number, boolean, null, strings, other };
    std::string key;
    kind type = kind::other;
    std::string text;               // without quotes; 'true' or 'false' for a boolean
    std::vector<std::string> texts; // of an array that holds nothing but strings
};

} // namespace confiture
