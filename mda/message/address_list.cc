// Lenient address lists for ENVELOPE and SEARCH; see envelope.h. What cannot be parsed is kept as text, so that the
// user sees it: "MISSING_MAILBOX" and "MISSING_DOMAIN" stand where a part is lacking, as with the incumbent.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/mime.h"
#include "mda/message/envelope.h"

namespace dovetail::mda {

namespace {

constexpr std::string_view kMissingMailbox = "MISSING_MAILBOX";
constexpr std::string_view kMissingDomain = "MISSING_DOMAIN";
constexpr std::string_view kSyntaxError = "SYNTAX_ERROR";
constexpr std::string_view kAfterMailbox = ",;:>";

class AddressListParser {
 public:
  explicit AddressListParser(std::string_view text) : words_(text) {}
  std::vector<Address> run();

 private:
  bool phrase(std::string& out);
  bool dot_atom(std::string& out);
  bool domain(std::string& out);
  bool angle_address(Address& address);
  void bare_mailbox(Address& address);
  bool mailbox();
  bool group(std::string name);
  void add(Address address);

  mail::HeaderWords words_;
  std::vector<Address> list_;
  bool in_group_ = false;
  bool broken_ = false;  // a domain could not be read
};

// Words and dots, joined by one blank where there was one; quoted strings without their quotes.
bool AddressListParser::phrase(std::string& out) {
  bool any = false;
  for (;;) {
    size_t before = words_.position();
    words_.skip_blanks();
    bool blank = words_.position() != before;
    std::string word;
    if (words_.peek() == '"') {
      auto quoted = words_.quoted_string();
      if (!quoted) return any;
      word = *quoted;
    } else if (words_.peek() == '.' && any) {
      words_.eat('.');
      word = ".";
    } else {
      word = words_.atom();
      if (word.empty()) return any;
    }
    if (any && blank) out += ' ';
    out += word;
    any = true;
  }
}

// A local part: atoms and quoted strings with dots between, blanks around dots forgiven.
bool AddressListParser::dot_atom(std::string& out) {
  bool any = false;
  for (;;) {
    words_.skip_blanks();
    if (words_.peek() == '"') {
      auto quoted = words_.quoted_string();
      if (!quoted) return any;
      out += *quoted;
      any = true;
    } else if (words_.peek() == '.' && any) {
      words_.eat('.');
      out += '.';
      any = true;
      continue;
    } else {
      std::string atom = words_.atom();
      if (atom.empty()) return any;
      out += atom;
      any = true;
    }
    words_.skip_blanks();
    if (words_.peek() != '.') return any;
  }
}

bool AddressListParser::domain(std::string& out) {
  words_.skip_blanks();
  if (words_.peek() != '[') return dot_atom(out) && out.find("..") == std::string::npos;
  out += words_.until("]");
  if (words_.eat(']')) out += ']';
  return true;
}

// Behind '<': [route ":"] addr-spec ">"
bool AddressListParser::angle_address(Address& address) {
  words_.skip_blanks();
  if (words_.peek() == '@') {
    std::string route = words_.until(":>");
    if (words_.eat(':'))
      address.route = std::string(base::trim(route));
    else
      return words_.eat('>'), false;
  }
  std::string local;
  if (dot_atom(local)) address.mailbox = local;
  words_.skip_blanks();
  if (words_.eat('@')) {
    std::string host;
    if (domain(host))
      address.domain = host;
    else
      broken_ = true;
  }
  words_.skip_blanks();
  if (words_.eat('>')) return true;
  words_.until(">");
  words_.eat('>');
  return false;
}

void AddressListParser::add(Address address) {
  if (!address.mailbox || address.mailbox->empty()) address.mailbox = std::string(kMissingMailbox);
  if (address.invalid)
    address.domain = std::string(kSyntaxError);
  else if (!address.domain || address.domain->empty())
    address.domain = std::string(kMissingDomain);
  list_.push_back(std::move(address));
}

// Without angle brackets: an addr-spec, or words that can only be a name.
void AddressListParser::bare_mailbox(Address& address) {
  size_t begin = words_.position();
  bool quoted = words_.peek() == '"';
  std::string local;
  if (quoted) {
    auto text = words_.quoted_string();
    if (!text) return;
    local = *text;
  }
  if (!quoted) dot_atom(local);
  words_.skip_blanks();
  if (words_.eat('@')) {
    std::string host;
    address.mailbox = local;
    if (domain(host))
      address.domain = host;
    else
      broken_ = true;
  } else if (quoted) {
    address.name = local;
  } else if (words_.done() || kAfterMailbox.find(words_.peek()) != std::string_view::npos) {
    address.mailbox = local;
  } else {
    words_.seek(begin);
    std::string name;
    if (phrase(name)) address.name = name;
  }
  words_.skip_blanks();
  if (words_.last_comment() && !words_.last_comment()->empty())
    address.name = *words_.last_comment();
}

// False: nothing behind this address can be trusted, the list ends here.
bool AddressListParser::mailbox() {
  words_.forget_comment();
  size_t begin = words_.position();
  std::string name;
  phrase(name);
  words_.skip_blanks();
  Address address;
  if (words_.eat('<')) {
    if (!name.empty()) address.name = name;
    words_.forget_comment();
    address.invalid = !angle_address(address);
  } else if (words_.peek() == ':' && !words_.done() && !in_group_) {
    words_.eat(':');
    return group(std::move(name));
  } else {
    words_.seek(begin);
    words_.forget_comment();
    bare_mailbox(address);
  }
  bool invalid = address.invalid;
  add(std::move(address));
  words_.skip_blanks();
  return !invalid && !broken_ &&
         (words_.done() || words_.peek() == ',' || (in_group_ && words_.peek() == ';'));
}

bool AddressListParser::group(std::string name) {
  Address start;
  start.mailbox = std::move(name);
  list_.push_back(std::move(start));
  in_group_ = true;
  bool good = true;
  while (good && !words_.done()) {
    words_.skip_blanks();
    if (words_.done() || words_.peek() == ';') break;
    good = mailbox();
    words_.eat(',');
  }
  in_group_ = false;
  words_.eat(';');
  list_.emplace_back();
  words_.skip_blanks();
  return good && (words_.done() || words_.peek() == ',');
}

std::vector<Address> AddressListParser::run() {
  for (;;) {
    words_.skip_blanks();
    if (words_.done() || !mailbox()) break;
    words_.eat(',');
  }
  return std::move(list_);
}

}  // namespace

std::vector<Address> parse_addresses(std::string_view header_value) {
  return AddressListParser(header_value).run();
}

}  // namespace dovetail::mda
