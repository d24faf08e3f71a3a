#include "migration/version.hpp"

#include <algorithm>

namespace confiture::migration {

namespace {

bool is_digit(char character) { return character >= '0' && character <= '9'; }

/* Separators are one character in version order, so that 1_2, 1-2 and 1.2 are one version. */
unsigned char folded(char character) {
    return character == '_' || character == '-' ? '.' : static_cast<unsigned char>(character);
}

/* Takes the run of digits at the front of `text`, without its leading zeros: '' stands for 0. */
std::string_view take_number(std::string_view &text) {
    const std::size_t end =
        std::min(text.size(), text.find_first_not_of("0123456789")); // npos is the largest size
    std::string_view number = text.substr(0, end);
    text.remove_prefix(end);
    number.remove_prefix(std::min(number.size(), number.find_first_not_of('0')));
    return number;
}

/* Appends a length such that byte order is the order of lengths, whatever they are: two digits, and
 * from 99 on the mark 99 and the length itself as a number of this kind. */
void append_length(std::string &key, std::size_t length) {
    if (length >= 99) {
        const std::string digits = std::to_string(length);
        key += "99";
        append_length(key, digits.size());
        key += digits;
    } else {
        key += static_cast<char>('0' + length / 10);
        key += static_cast<char>('0' + length % 10);
    }
}

} // namespace

std::weak_ordering compare_versions(std::string_view left, std::string_view right) {
    while (!left.empty() && !right.empty()) {
        if (is_digit(left.front()) && is_digit(right.front())) {
            const std::string_view left_number = take_number(left);
            const std::string_view right_number = take_number(right);
            if (left_number.size() != right_number.size())
                return left_number.size() <=> right_number.size();
            if (const int order = left_number.compare(right_number); order != 0)
                return order <=> 0;
        } else {
            const unsigned char left_byte = folded(left.front());
            const unsigned char right_byte = folded(right.front());
            if (left_byte != right_byte)
                return left_byte <=> right_byte;
            left.remove_prefix(1);
            right.remove_prefix(1);
        }
    }
    return left.size() <=> right.size(); // the one that has more to say comes later
}

std::string version_sort_key(std::string_view version) {
    std::string key;
    while (!version.empty()) {
        if (is_digit(version.front())) {
            const std::string_view number = take_number(version);
            append_length(key, number.size());
            key += number;
        } else {
            key += static_cast<char>(folded(version.front()));
            version.remove_prefix(1);
        }
    }
    return key;
}

} // namespace confiture::migration
