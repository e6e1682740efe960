// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/esmtp.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/mail/dsn.h"

namespace dovetail::mta::smtpd {

using mail::Reply;

namespace {

bool option_is(std::string_view word, std::string_view name, std::string_view& value) {
  if (!base::istarts_with(word, name)) return false;
  value = word.substr(name.size());
  return true;
}

Reply unsupported_option(std::string_view word) {
  return {555, "5.5.4", "Unsupported option: " + base::printable(word.substr(0, 100))};
}

Reply dsn_disabled() {
  return {501, "5.7.1", "DSN support is disabled"};
}

bool all_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 32 && c < 127; });
}

// RFC 1870 6.1: digits only; more than fits is more than any limit.
std::optional<Reply> parse_size(std::string_view value, uint64_t& size) {
  if (value.empty() || !std::all_of(value.begin(), value.end(), base::is_digit)) {
    return Reply{501, "5.5.4", "Bad message size syntax"};
  }
  auto number = base::parse_number<int64_t>(value);
  if (!number) return Reply{552, "5.3.4", "Message size exceeds file system imposed limit"};
  size = static_cast<uint64_t>(*number);
  return std::nullopt;
}

std::optional<Reply> parse_ret_word(std::string_view value, const EsmtpRules& rules, int& ret) {
  if (!rules.dsn) return dsn_disabled();
  auto flags = mail::parse_ret(value);
  if (!flags || ret != 0) return Reply{501, "5.5.4", "Bad RET parameter syntax"};
  ret = *flags;
  return std::nullopt;
}

std::optional<Reply> parse_envid(std::string_view value, const EsmtpRules& rules,
                                 std::string& envid) {
  if (!rules.dsn) return dsn_disabled();
  auto text = mail::decode_xtext(value);
  if (!text || text->empty() || !envid.empty() || !all_printable(*text)) {
    return Reply{501, "5.5.4", "Bad ENVID parameter syntax"};
  }
  envid = std::move(*text);
  return std::nullopt;
}

std::optional<Reply> parse_orcpt(std::string_view value, const EsmtpRules& rules,
                                 std::string& orcpt) {
  if (!rules.dsn) return dsn_disabled();
  auto text = mail::decode_xtext(value);
  if (!text || !orcpt.empty() || !mail::split_orcpt(*text) || !all_printable(*text)) {
    return Reply{501, "5.5.4", "Error: Bad ORCPT parameter syntax"};
  }
  orcpt = std::move(*text);
  return std::nullopt;
}

std::optional<Reply> parse_notify_word(std::string_view value, const EsmtpRules& rules,
                                       int& notify) {
  if (!rules.dsn) return dsn_disabled();
  auto flags = mail::parse_notify(value);
  if (!flags || notify != 0) return Reply{501, "5.5.4", "Error: Bad NOTIFY parameter syntax"};
  notify = *flags;
  return std::nullopt;
}

std::optional<Reply> mail_option(std::string_view word, const EsmtpRules& rules, MailOptions& to) {
  std::string_view value;
  if (base::iequals(word, "BODY=8BITMIME")) {
    to.encoding = mail::Encoding::eight_bit;
    return std::nullopt;
  }
  if (base::iequals(word, "BODY=7BIT")) {
    to.encoding = mail::Encoding::seven_bit;
    return std::nullopt;
  }
  if (option_is(word, "SIZE=", value)) return parse_size(value, to.size);
  if (option_is(word, "RET=", value)) return parse_ret_word(value, rules, to.ret);
  if (option_is(word, "ENVID=", value)) return parse_envid(value, rules, to.envid);
  if (option_is(word, "AUTH=", value)) {
    auto text = mail::decode_xtext(value);
    if (!text || text->empty()) return Reply{501, "5.5.4", "Error: Malformed MAIL AUTH= parameter"};
    to.auth = std::move(*text);
    return std::nullopt;
  }
  if (rules.smtputf8 && base::iequals(word, "SMTPUTF8")) {
    to.smtputf8 = true;
    return std::nullopt;
  }
  return unsupported_option(word);
}

}  // namespace

std::optional<Reply> parse_mail_options(std::string_view words, const EsmtpRules& rules,
                                        MailOptions& to) {
  for (auto word : base::words(words)) {
    if (auto refused = mail_option(word, rules, to)) return refused;
  }
  return std::nullopt;
}

std::optional<Reply> parse_rcpt_options(std::string_view words, const EsmtpRules& rules,
                                        RcptOptions& to) {
  for (auto word : base::words(words)) {
    std::string_view value;
    std::optional<Reply> refused;
    if (option_is(word, "NOTIFY=", value))
      refused = parse_notify_word(value, rules, to.notify);
    else if (option_is(word, "ORCPT=", value))
      refused = parse_orcpt(value, rules, to.orcpt);
    else
      refused = unsupported_option(word);
    if (refused) return refused;
  }
  return std::nullopt;
}

}  // namespace dovetail::mta::smtpd
