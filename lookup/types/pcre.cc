// pcre:FILE, Perl-compatible expressions. Flags toggle; i and s are set by default. A match that runs into the library's
// limits is a temporary failure. Manual: pcre_table(5).
// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/base/text.h"
#include "lookup/rules.h"

namespace dovetail::lookup {
namespace {

std::string pcre_error(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

struct PcreFlag {
  char letter;
  uint32_t option;
};
// clang-format off
constexpr PcreFlag kPcreFlags[] = {
    {'i', PCRE2_CASELESS}, {'m', PCRE2_MULTILINE},      {'s', PCRE2_DOTALL},   {'x', PCRE2_EXTENDED},
    {'A', PCRE2_ANCHORED}, {'E', PCRE2_DOLLAR_ENDONLY}, {'U', PCRE2_UNGREEDY}, {'X', 0},
};
// clang-format on

// Whether all alternatives stand in parentheses. False where brackets and quotes make that hard to see.
bool has_one_branch(std::string_view pattern) {
  if (pattern.find('|') == pattern.npos) return true;
  for (std::string_view hard : {"[:", "[]", "[^]", "\\Q"}) {
    if (pattern.find(hard) != pattern.npos) return false;
  }
  int depth = 0;
  bool in_class = false;
  for (size_t at = 0; at < pattern.size(); ++at) {
    char c = pattern[at];
    if (c == '\\') ++at;
    if (in_class) {
      if (c == '(' || c == ')') return false;
      in_class = c != ']';
      continue;
    }
    if (c == '|' && depth == 0) return false;
    in_class = c == '[';
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
  }
  return true;
}

// What a text must begin with for "^text..." to match: most rules of a long table are ruled out by it, without the library.
// Empty where that is not certain: alternatives, comments (x), lines (m).
std::string required_start(std::string_view pattern, uint32_t options) {
  bool plain = (options & (PCRE2_MULTILINE | PCRE2_EXTENDED)) == 0;
  if (!plain || !pattern.starts_with('^') || !has_one_branch(pattern)) return {};
  size_t end = 1;
  while (end < pattern.size() && (base::is_alnum(pattern[end]) || pattern[end] == '@')) ++end;
  // The last character may be repeated, or left out.
  if (end < pattern.size() && end > 1 &&
      std::string_view("?*+{").find(pattern[end]) != std::string_view::npos)
    --end;
  return std::string(pattern.substr(1, end - 1));
}

class PcrePattern final : public Pattern {
 public:
  static Result<std::unique_ptr<Pattern>> compile(const Delimited& source, const Logger&) {
    uint32_t options = PCRE2_CASELESS | PCRE2_DOTALL;
    for (char letter : source.flags) {
      bool known = false;
      for (auto& flag : kPcreFlags) {
        if (flag.letter != letter) continue;
        options ^= flag.option;
        known = true;
      }
      if (!known)
        return config_error(format("unknown regexp option \"{}\": skipping this rule", letter));
    }
    int error = 0;
    PCRE2_SIZE offset = 0;
    auto* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.text.data()), source.text.size(),
                               options, &error, &offset, nullptr);
    if (!code)
      return config_error(format("error in regex at offset {}: {}", offset, pcre_error(error)));
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // without it matching is only slower
    return std::unique_ptr<Pattern>(std::make_unique<PcrePattern>(
        code, required_start(source.text, options), (options & PCRE2_CASELESS) != 0));
  }

  PcrePattern(pcre2_code* code, std::string start, bool caseless)
      : start_(std::move(start)),
        caseless_(caseless),
        code_(code),
        match_(pcre2_match_data_create_from_pattern(code, nullptr)) {
    uint32_t count = 0;
    pcre2_pattern_info(code_, PCRE2_INFO_CAPTURECOUNT, &count);
    groups_ = count;
  }
  PcrePattern(const PcrePattern&) = delete;
  ~PcrePattern() override {
    pcre2_match_data_free(match_);
    pcre2_code_free(code_);
  }

  size_t groups() const override { return groups_; }

  Result<bool> matches(std::string_view key, Groups* groups) const override {
    if (!may_match(key)) return false;
    int count = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(key.data()), key.size(), 0, 0,
                            match_, nullptr);
    if (count == PCRE2_ERROR_NOMATCH) return false;
    if (count < 0) return temporary(pcre_error(count));
    if (!groups) return true;
    groups->clear();
    const PCRE2_SIZE* at = pcre2_get_ovector_pointer(match_);
    for (size_t group = 0; group < static_cast<size_t>(count); ++group) {
      bool set = at[2 * group] != PCRE2_UNSET;
      groups->push_back(set ? key.substr(at[2 * group], at[2 * group + 1] - at[2 * group])
                            : std::string_view());
    }
    return true;
  }

 private:
  bool may_match(std::string_view key) const {
    if (start_.empty()) return true;
    return caseless_ ? base::istarts_with(key, start_) : key.starts_with(start_);
  }

  std::string start_;
  bool caseless_;
  pcre2_code* code_;
  pcre2_match_data* match_;
  size_t groups_ = 0;
};

}  // namespace

Opened open_pcre(const OpenContext& context, std::string_view type, const std::string& name) {
  return open_expressions(context, type, name, PcrePattern::compile, "ignoring this rule");
}

}  // namespace dovetail::lookup
