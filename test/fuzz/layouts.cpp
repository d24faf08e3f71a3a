/* Folders of any content: read_folder() gives migrations that keep its promises, or refuses. */
#include "fuzzing.hpp"

#include "migration/layout.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/version.hpp"
#include "pg/error.hpp"

#include <algorithm>

using namespace confiture::migration;

namespace {

/* A folder written as text: the layout in the first line, each file after a line '==> path'. */
struct written_folder {
    std::string layout_name;
    std::vector<file> files;

    explicit written_folder(std::string_view text) {
        constexpr std::string_view mark = "==> ";
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
            const std::string_view line = text.substr(0, end);
            text.remove_prefix(end);
            if (line.starts_with(mark))
                files.push_back({std::string(without_line_end(line.substr(mark.size()))), {}});
            else if (files.empty())
                layout_name = without_line_end(line);
            else
                files.back().content += line;
        }
    }

private:
    static std::string_view without_line_end(std::string_view line) {
        return line.ends_with('\n') ? line.substr(0, line.size() - 1) : line;
    }
};

bool is_blank(std::string_view line) { return readers::is_blank(line); }

/* Line 7 of a script is line 7 of its file. */
void expect_lines_of(const std::string &script, const std::string &path,
                     const std::vector<file> &files) {
    std::vector<std::vector<readers::line>> candidates; // two files may have one path here
    for (const file &each : files)
        if (each.path == path) {
            std::string_view content = each.content;
            if (content.starts_with("\xEF\xBB\xBF"))
                content.remove_prefix(3);
            candidates.push_back(readers::lines_of(content));
        }
    const std::vector<readers::line> lines = readers::lines_of(script);
    expect(std::any_of(candidates.begin(), candidates.end(), [&](const auto &of_file) {
        if (lines.size() > of_file.size())
            return false;
        for (std::size_t i = 0; i < lines.size(); i++)
            if (!is_blank(lines[i].text) && lines[i].text != of_file[i].text)
                return false;
        return true;
    }));
}

void expect_promises(const std::vector<source> &migrations, const std::vector<file> &files) {
    expect(!migrations.empty());
    for (std::size_t i = 0; i < migrations.size(); i++) {
        const source &each = migrations[i];
        expect(!each.version.empty());
        expect_lines_of(each.up, each.up_file, files);
        expect(each.down.has_value() == !each.down_file.empty());
        expect(each.verify.has_value() == !each.verify_file.empty());
        if (each.down)
            expect_lines_of(*each.down, each.down_file, files);
        if (each.verify)
            expect_lines_of(*each.verify, each.verify_file, files);
        if (i == 0)
            continue;
        const source &before = migrations[i - 1];
        expect(before.repeatable <= each.repeatable);
        expect(before.version != each.version);
        if (!each.repeatable)
            expect(compare_versions(before.version, each.version) < 0);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const written_folder folder({reinterpret_cast<const char *>(data), size});
    std::vector<source> migrations;
    try {
        migrations = read_folder(folder.files, folder.layout_name);
    } catch (const confiture::failure &refusal) {
        expect(refusal.state == "MG005" || refusal.state == "MG016");
        expect(!refusal.message.empty());
        return 0;
    }
    expect_promises(migrations, folder.files);
    return 0;
}
