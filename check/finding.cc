// Findings as text and as JSON.
// SPDX-License-Identifier: Apache-2.0
#include "check/finding.h"

#include <algorithm>
#include <tuple>

#include "common/base/text.h"

namespace dovetail::check {

namespace {

// RFC 8259 7. Bytes that are no UTF-8 would make the whole text invalid: they are shown as '?'.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  const bool utf8 = base::is_utf8(text);
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (byte < 0x20)
      out += format("\\u{:04x}", byte);
    else
      out += byte < 0x80 || utf8 ? c : '?';
  }
  return out + '"';
}

auto sort_key(const Finding& finding) {
  return std::tuple(finding.place.file, finding.place.line, -static_cast<int>(finding.severity),
                    finding.wrong);
}

}  // namespace

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "error";
}

void Report::add(Finding finding) {
  finding.rule = rule_;
  findings_.push_back(std::move(finding));
}

void Report::sort() {
  std::stable_sort(findings_.begin(), findings_.end(),
                   [](const Finding& a, const Finding& b) { return sort_key(a) < sort_key(b); });
  auto same = [](const Finding& a, const Finding& b) { return sort_key(a) == sort_key(b); };
  findings_.erase(std::unique(findings_.begin(), findings_.end(), same), findings_.end());
}

std::string Report::text() const {
  std::string out;
  for (auto& one : findings_) {
    auto line = format("{}:{}: {}: {}: {}: {}", one.place.file, one.place.line,
                       severity_name(one.severity), one.wrong, one.effect, one.remedy);
    out += base::printable(line, true) + '\n';
  }
  return out;
}

std::string Report::json() const {
  std::string out = "[";
  for (auto& one : findings_) {
    out += out.size() > 1 ? ",\n " : "\n ";
    out +=
        format(R"({{"file": {}, "line": {}, "severity": "{}", "rule": "{}", )",
               json_string(one.place.file), one.place.line, severity_name(one.severity), one.rule);
    out += format(R"("wrong": {}, "effect": {}, "remedy": {}}})", json_string(one.wrong),
                  json_string(one.effect), json_string(one.remedy));
  }
  return out + (findings_.empty() ? "]\n" : "\n]\n");
}

int Report::exit_status() const {
  int status = 0;
  for (auto& one : findings_) status = std::max(status, static_cast<int>(one.severity));
  return status;
}

std::string some_of(const std::vector<std::string>& names, size_t most) {
  std::string out;
  for (size_t i = 0; i < names.size() && i < most; ++i) out += (i ? ", " : "") + names[i];
  if (names.size() > most) out += format(" and {} more", names.size() - most);
  return out;
}

}  // namespace dovetail::check
