#include "entry_points.h"

#include <cctype>

namespace emulator {

namespace {

constexpr char global[] = "__global__", bounds[] = "__launch_bounds__";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

void blank(std::string& text, std::size_t start, std::size_t end) {
    for (std::size_t i = start; i < end; ++i)
        if (text[i] != '\n') text[i] = ' ';
}

// The place behind the bracket that closes the one at `open`.
std::size_t behind_brackets(const std::string& text, std::size_t open) {
    int depth = 0;
    for (std::size_t i = open; i < text.size(); ++i) {
        if (text[i] == '(') ++depth;
        if (text[i] == ')' && --depth == 0) return i + 1;
    }
    return text.size();
}

// The word in front of the first bracket: the kernel's name.
std::string name_before_bracket(const std::string& text, std::size_t from) {
    std::size_t end = text.find('(', from);
    if (end == std::string::npos) return {};
    while (end > from && !is_word(text[end - 1])) --end;
    std::size_t start = end;
    while (start > from && is_word(text[start - 1])) --start;
    return text.substr(start, end - start);
}

}  // namespace

std::vector<EntryPoint> take_entry_points(std::string& text) {
    std::vector<EntryPoint> entries;
    for (std::size_t at = text.find(global); at != std::string::npos; at = text.find(global, at)) {
        // A declaration starts behind the last ; or } or preprocessor line, and may be preceded by template <...> or extern "C".
        const std::size_t before = text.find_last_of(";}", at), start = before == std::string::npos ? 0 : before + 1;
        const bool is_entry = text.find("extern \"C\"", start) < at;
        blank(text, at, at + sizeof global - 1);
        EntryPoint entry;
        const std::size_t body = text.find_first_of("{;", at);
        std::size_t bound = text.find(bounds, start);
        if (bound < body) {
            const std::size_t open = text.find('(', bound), end = behind_brackets(text, open);
            entry.bounds = text.substr(open + 1, end - open - 2);
            blank(text, bound, end);
        }
        entry.name = name_before_bracket(text, at);
        if (is_entry && text[text.find_first_of("{;", at)] == '{') entries.push_back(entry);
    }
    return entries;
}

std::string describe(const std::vector<EntryPoint>& entries) {
    std::string text = "\n# 1 \"entry points\"\n", list;
    for (const EntryPoint& entry : entries) {
        text += "EMULATOR_ENTRY(" + entry.name + ", " + (entry.bounds.empty() ? "1024" : entry.bounds) + ")\n";
        list += "&emulator_kernel_" + entry.name + ", ";
    }
    return text + "EMULATOR_MODULE(" + list + ")\n";
}

}  // namespace emulator
