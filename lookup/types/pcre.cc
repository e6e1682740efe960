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
    return std::unique_ptr<Pattern>(std::make_unique<PcrePattern>(code));
  }

  explicit PcrePattern(pcre2_code* code)
      : code_(code), match_(pcre2_match_data_create_from_pattern(code, nullptr)) {
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
  pcre2_code* code_;
  pcre2_match_data* match_;
  size_t groups_ = 0;
};

}  // namespace

Opened open_pcre(const OpenContext& context, std::string_view type, const std::string& name) {
  return open_expressions(context, type, name, PcrePattern::compile, "ignoring this rule");
}

}  // namespace dovetail::lookup
