// regexp:FILE, POSIX expressions. Flags toggle: i (case, ignored by default), x (extended, the default), m (lines).
// Manual: regexp_table(5).
// SPDX-License-Identifier: Apache-2.0
#include <regex.h>

#include "common/base/text.h"
#include "lookup/rules.h"

namespace dovetail::lookup {
namespace {

class PosixPattern final : public Pattern {
 public:
  static Result<std::unique_ptr<Pattern>> compile(const Delimited& source, const Logger&) {
    int flags = REG_EXTENDED | REG_ICASE;
    for (char flag : source.flags) {
      if (flag == 'i')
        flags ^= REG_ICASE;
      else if (flag == 'x')
        flags ^= REG_EXTENDED;
      else if (flag == 'm')
        flags ^= REG_NEWLINE;
      else
        return config_error(format("unknown regexp option \"{}\": skipping this rule", flag));
    }
    auto pattern = std::make_unique<PosixPattern>();
    int error = regcomp(&pattern->expression_, source.text.c_str(), flags);
    if (error) {
      char text[256];
      regerror(error, &pattern->expression_, text, sizeof text);
      return config_error(text);
    }
    pattern->compiled_ = true;
    return std::unique_ptr<Pattern>(std::move(pattern));
  }

  PosixPattern() = default;
  PosixPattern(const PosixPattern&) = delete;
  ~PosixPattern() override {
    if (compiled_) regfree(&expression_);
  }

  size_t groups() const override { return expression_.re_nsub; }

  Result<bool> matches(std::string_view key, Groups* groups) const override {
    std::string text(key);
    std::vector<regmatch_t> found(groups ? expression_.re_nsub + 1 : 1);
    int error = regexec(&expression_, text.c_str(), found.size(), found.data(), 0);
    if (error == REG_NOMATCH) return false;
    if (error) return temporary("out of memory in a regular expression");
    if (!groups) return true;
    groups->clear();
    for (auto& part : found) {
      bool set = part.rm_so >= 0;
      groups->push_back(set ? key.substr(static_cast<size_t>(part.rm_so),
                                         static_cast<size_t>(part.rm_eo - part.rm_so))
                            : std::string_view());
    }
    return true;
  }

 private:
  regex_t expression_{};
  bool compiled_ = false;
};

}  // namespace

Opened open_regexp(const OpenContext& context, std::string_view type, const std::string& name) {
  return open_expressions(context, type, name, PosixPattern::compile, "skipping this rule");
}

}  // namespace dovetail::lookup
