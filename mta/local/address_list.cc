// SPDX-License-Identifier: Apache-2.0
#include "mta/local/address_list.h"

#include "common/base/text.h"
#include "common/mail/address.h"

namespace dovetail::mta {

namespace {

constexpr size_t kDestinationTokens = 10000;

// Members at commas outside quotes, comments and <>.
std::vector<std::string_view> split_members(std::string_view value) {
  std::vector<std::string_view> members;
  size_t start = 0;
  bool quoted = false;
  int comment = 0;
  for (size_t at = 0; at < value.size(); ++at) {
    char c = value[at];
    if (c == '\\')
      ++at;
    else if (comment == 0 && c == '"')
      quoted = !quoted;
    else if (!quoted && c == '(')
      ++comment;
    else if (!quoted && c == ')' && comment > 0)
      --comment;
    else if (!quoted && comment == 0 && c == ',') {
      members.push_back(value.substr(start, at - start));
      start = at + 1;
    }
  }
  members.push_back(value.substr(start));
  return members;
}

std::string unquoted_text(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    out += text[at];
  }
  return out;
}

// A member wholly in quotes is its inside: "|command with blanks".
std::string member_text(std::string_view member) {
  if (member.size() >= 2 && member.front() == '"' && member.back() == '"') {
    auto inner = member.substr(1, member.size() - 2);
    bool one = true;
    for (size_t at = 0; at < inner.size(); ++at) {
      if (inner[at] == '\\')
        ++at;
      else if (inner[at] == '"')
        one = false;
    }
    if (one) return unquoted_text(inner);
  }
  return std::string(member);
}

void append_destination(std::vector<Destination>& out, std::string_view member) {
  member = base::trim(member);
  if (member.empty()) return;
  auto text = member_text(member);
  auto rest = [&](size_t skip) {
    return std::string(base::trim(std::string_view(text).substr(skip)));
  };
  if (text.starts_with('|')) {
    out.push_back({Destination::command, rest(1)});
  } else if (text.starts_with('/') && text.find('@') == text.npos) {
    out.push_back({Destination::file, text});
  } else if (base::istarts_with(text, ":include:")) {
    out.push_back({Destination::include, rest(9)});
  } else if (text.starts_with('\\')) {
    out.push_back({Destination::mailbox, rest(1)});
  } else {
    auto addresses = mail::AddressList::parse(member, kDestinationTokens);
    for (size_t i = 0; i < addresses.size(); ++i) {
      if (!addresses.address(i).empty())
        out.push_back({Destination::address, addresses.address(i)});
    }
  }
}

}  // namespace

std::vector<Destination> parse_alias_value(std::string_view value) {
  std::vector<Destination> out;
  for (auto member : split_members(value)) append_destination(out, member);
  return out;
}

std::vector<Destination> parse_forward(std::string_view content) {
  std::vector<Destination> out;
  std::string logical;
  auto take = [&] {
    auto more = parse_alias_value(logical);
    out.insert(out.end(), more.begin(), more.end());
    logical.clear();
  };
  for (auto line : base::split(content, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('#') || base::trim(line).empty()) continue;
    bool goes_on = line.front() == ' ' || line.front() == '\t';
    if (!goes_on) take();
    logical += line;
  }
  take();
  return out;
}

}  // namespace dovetail::mta
