// SPDX-License-Identifier: Apache-2.0
#include "mda/lmtp/path.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::mda::lmtp {

namespace {

constexpr size_t kLocalLimit = 256, kDomainLimit = 255;

bool is_local_char(char c) {
  return base::is_alnum(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
}

bool is_domain_char(char c) {
  return base::is_alnum(c) || c == '-' || c == '.' || c == '_';
}

// Reads from the front of what is left.
class PathReader {
 public:
  explicit PathReader(std::string_view text) : rest_(text) {}

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_blanks() { rest_ = base::trim_left(rest_, base::kBlank); }
  std::string_view rest() const { return rest_; }

  Result<void> skip_route() {
    if (!rest_.starts_with('@')) return {};
    auto colon = rest_.find(':');
    if (colon == rest_.npos) return permanent("Invalid route");
    rest_.remove_prefix(colon + 1);
    return {};
  }

  Result<std::string> local() {
    if (rest_.starts_with('"')) return quoted();
    size_t length = 0;
    while (length < rest_.size() && is_local_char(rest_[length])) ++length;
    std::string out(rest_.substr(0, length));
    rest_.remove_prefix(length);
    if (!rest_.empty() && rest_.front() != '@' && rest_.front() != '>')
      return permanent("Invalid character in localpart");
    if (out.size() > kLocalLimit) return permanent("Localpart too long");
    return out;
  }

  Result<std::string> domain() {
    bool literal = rest_.starts_with('[');
    size_t length = literal ? rest_.find(']') : 0;
    if (length == rest_.npos) return permanent("Invalid domain");
    if (literal) ++length;
    while (!literal && length < rest_.size() && is_domain_char(rest_[length])) ++length;
    std::string out(rest_.substr(0, length));
    rest_.remove_prefix(length);
    if (out.empty()) return permanent("Missing domain after '@'");
    bool printable = std::all_of(out.begin(), out.end(), [](char c) { return c > ' ' && c < 127; });
    if (!printable || out.size() > kDomainLimit || out.starts_with('.'))
      return permanent("Invalid domain");
    return out;
  }

 private:
  Result<std::string> quoted() {
    std::string out;
    for (size_t at = 1; at < rest_.size(); ++at) {
      char c = rest_[at];
      if (c == '"') {
        rest_.remove_prefix(at + 1);
        if (out.size() > kLocalLimit) return permanent("Localpart too long");
        return out;
      }
      if (c == '\\' && ++at < rest_.size()) c = rest_[at];
      if (c < ' ' || c == 127) break;
      out += c;
    }
    return permanent("Invalid quoted string in localpart");
  }

  std::string_view rest_;
};

bool needs_quotes(std::string_view local) {
  if (local.empty() || local.starts_with('.') || local.ends_with('.') ||
      local.find("..") != local.npos)
    return true;
  return !std::all_of(local.begin(), local.end(), is_local_char);
}

Result<ParsedPath> finish_path(PathReader& reader, Path path, bool bracket) {
  if (bracket && !reader.take('>')) return permanent("Missing '>' at end of path");
  auto rest = reader.rest();
  if (!rest.empty() && rest.front() != ' ') return permanent("Invalid character in path");
  return ParsedPath{std::move(path), std::string(base::trim(rest, base::kBlank))};
}

}  // namespace

std::string Path::text() const {
  std::string out;
  if (needs_quotes(local) && !null()) {
    out = "\"";
    for (char c : local) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  } else {
    out = local;
  }
  return domain.empty() ? out : out + "@" + domain;
}

Result<ParsedPath> parse_path(std::string_view text, const PathRules& rules) {
  PathReader reader(text);
  if (rules.whitespace_before_path) reader.skip_blanks();
  bool bracket = reader.take('<');
  if (!bracket && (!rules.mailbox_for_path || reader.rest().empty()))
    return permanent("Missing '<' at beginning of path");
  if (bracket && reader.take('>')) {
    if (!rules.allow_null) return permanent("Null path not allowed");
    PathReader behind(reader.rest());
    return finish_path(behind, {}, false);
  }
  if (auto skipped = reader.skip_route(); !skipped) return skipped.error();
  Path path;
  auto local = reader.local();
  if (!local) return local.error();
  path.local = std::move(*local);
  if (!reader.take('@')) {
    if (!rules.allow_local_only) return permanent("Missing domain");
    if (path.local.empty()) return permanent("Missing localpart");
    return finish_path(reader, std::move(path), bracket);
  }
  auto domain = reader.domain();
  if (!domain) return domain.error();
  path.domain = std::move(*domain);
  return finish_path(reader, std::move(path), bracket);
}

DetailParts split_detail(const Path& path, std::string_view recipient_delimiter) {
  DetailParts parts;
  auto at = recipient_delimiter.empty() ? std::string::npos
                                        : path.local.find_first_of(recipient_delimiter);
  bool has_detail = at != std::string::npos && at > 0;
  parts.user = has_detail ? path.local.substr(0, at) : path.local;
  if (has_detail) parts.detail = path.local.substr(at + 1);
  if (!path.domain.empty()) parts.user += "@" + path.domain;
  return parts;
}

}  // namespace dovetail::mda::lmtp
