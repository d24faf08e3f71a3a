#pragma once
/* jsonb: built through the server, or carried about as the bytes of a value ("image"), which no
 * code above the border looks into. */
#include "pg/plain.hpp"

#include "pg/function.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace confiture::pg {

/* A copy in the current memory context; null for an empty image. */
value jsonb(const std::string &image);

/* Throws pg::error for what is no JSON. */
std::string jsonb_image(const std::string &json_text);
std::string jsonb_image(const value &document);
/* As the server prints it. */
std::string jsonb_text(const std::string &image);

/* Builds a jsonb value; limits and encoding are those of the server. */
class jsonb_builder final : public json_writer {
public:
    jsonb_builder();
    void begin_object() override;
    void end_object() override;
    void begin_array() override;
    void end_array() override;
    void key(std::string_view name) override;
    void string(std::string_view content) override;
    void integer(std::int64_t number) override;
    void number(double number) override;
    void boolean(bool truth) override;
    void null() override;
    void document(const std::string &image) override;
    value finish();
    std::string finish_image();

private:
    void push(int token, void *scalar);
    void element(void *scalar);
    void *state_ = nullptr;
    void *result_ = nullptr;
    std::vector<char> open_; // 'o' or 'a' for each level
};

} // namespace confiture::pg
