/* Scripts of any content: line ends and trailing space do not matter, nothing else is dropped. */
#include "fuzzing.hpp"

#include "migration/checksum.hpp"

#include <algorithm>

using namespace confiture::migration;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view script(reinterpret_cast<const char *>(data), size);
    const std::string normal = normalise(script);
    expect(normal.find('\r') == std::string::npos);
    expect(normal.find(" \n") == std::string::npos && normal.find("\t\n") == std::string::npos);
    if (!normal.starts_with("\xEF\xBB\xBF"))
        expect(normalise(normal) == normal);

    std::string padded; // the same with other line ends and space before them
    for (const char character : normal)
        if (character == '\n')
            padded += " \t\r\n";
        else
            padded += character;
    if (!normal.starts_with("\xEF\xBB\xBF"))
        expect(normalise(padded + " ") == normal);

    const auto told = [](std::string_view text) {
        return std::count_if(text.begin(), text.end(), [](char character) {
            return character != ' ' && character != '\t' && character != '\r' && character != '\n';
        });
    };
    expect(told(normal) == told(script) - (script.starts_with("\xEF\xBB\xBF") ? 3 : 0));
    return 0;
}
