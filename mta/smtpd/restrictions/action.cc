// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/restrictions/action.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/dsn.h"
#include "common/mail/header.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

struct ActionText {
  std::string_view source, word, text;
};

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), base::is_digit);
}

// FILTER, HOLD and the like belong to a message; before MAIL there is none.
bool has_message(Check& c, const ActionText& a) {
  if (c.s.mail) return true;
  c.s.server.log.warning(
      "access table {}: with smtpd_delay_reject=no or in VRFY, action {} is always skipped",
      a.source, a.word);
  return false;
}

void log_trigger(Check& c, std::string_view whatsup, std::string_view text) {
  c.log_line(whatsup, format("<{}>: {} {}", c.subject, c.reply_class, text));
}

Verdict action_reject(Check& c, const ActionText& a) {
  auto told = mail::split_dsn(a.text, "5.7.1");
  return c.reject(c.s.parameters.access_map_reject_code, told.status,
                  c.rejected(told.text.empty() ? "Access denied" : told.text));
}

Verdict action_defer(Check& c, const ActionText& a) {
  auto told = mail::split_dsn(a.text, "4.7.1");
  return c.reject(c.s.parameters.access_map_defer_code, told.status,
                  c.rejected(told.text.empty() ? "Service unavailable" : told.text));
}

Verdict action_defer_if(Check& c, const ActionText& a) {
  auto told = mail::split_dsn(a.text, "4.7.1");
  auto text = c.rejected(told.text.empty() ? "Service unavailable" : told.text);
  int code = c.s.parameters.access_map_defer_code;
  return base::iequals(a.word, "DEFER_IF_PERMIT")
             ? c.defer_if_permit(code, told.status, std::move(text))
             : c.defer_if_reject(code, told.status, std::move(text));
}

Verdict action_hangup(Check& c, const ActionText&) {
  c.s.hang_up();
  c.refusal = mail::Reply{421, "4.7.0", c.s.parameters.myhostname + " Error: access denied"};
  return Verdict::reject;
}

Verdict action_hold(Check& c, const ActionText& a) {
  if (!has_message(c, a)) return Verdict::dunno;
  log_trigger(c, "hold", a.text.empty() ? "triggers HOLD action" : a.text);
  c.s.mail->hold = true;
  return Verdict::dunno;
}

Verdict action_discard(Check& c, const ActionText& a) {
  if (!has_message(c, a)) return Verdict::dunno;
  log_trigger(c, "discard", a.text.empty() ? "triggers DISCARD action" : a.text);
  c.s.mail->discard = true;
  return Verdict::ok;
}

Verdict action_filter(Check& c, const ActionText& a) {
  if (a.text.find(':') == a.text.npos) {
    c.s.server.log.warning("access table {} entry \"{} {}\" requires transport:destination",
                           a.source, a.word, a.text);
    return c.server_error();
  }
  if (!has_message(c, a)) return Verdict::dunno;
  log_trigger(c, "filter", format("triggers FILTER {}", a.text));
  c.s.mail->filter = a.text;
  return Verdict::dunno;
}

Verdict action_redirect(Check& c, const ActionText& a) {
  if (a.text.find('@') == a.text.npos) {
    c.s.server.log.warning("access table {} entry \"{} {}\" requires user@domain target", a.source,
                           a.word, a.text);
    return c.server_error();
  }
  if (!has_message(c, a)) return Verdict::dunno;
  bool bcc = base::iequals(a.word, "BCC");
  log_trigger(c, bcc ? "bcc" : "redirect",
              format("triggers {} {}", bcc ? "BCC" : "REDIRECT", a.text));
  if (bcc)
    c.s.mail->bcc.emplace_back(a.text);
  else
    c.s.mail->redirect = a.text;
  return Verdict::dunno;
}

Verdict action_prepend(Check& c, const ActionText& a) {
  if (c.reply_class == kEndOfData) {
    c.s.server.log.warning(
        "access table {}: action PREPEND must be used before smtpd_end_of_data_restrictions",
        a.source);
    return Verdict::dunno;
  }
  if (mail::header_name_length(a.text) == 0) {
    c.s.server.log.warning("access table {} entry \"{} {}\" requires header: text", a.source,
                           a.word, a.text);
    return Verdict::dunno;
  }
  if (!has_message(c, a)) return Verdict::dunno;
  log_trigger(c, "prepend", format("triggers PREPEND {}", a.text));
  c.s.mail->prepend.emplace_back(a.text);
  return Verdict::dunno;
}

Verdict action_note(Check& c, const ActionText& a) {
  c.log_line(base::iequals(a.word, "WARN") ? "warn" : "info", a.text);
  return Verdict::dunno;
}

Verdict action_ok(Check&, const ActionText&) {
  return Verdict::ok;
}
Verdict action_dunno(Check&, const ActionText&) {
  return Verdict::dunno;
}

struct Action {
  std::string_view word;
  Verdict (*run)(Check&, const ActionText&);
};
constexpr Action actions[] = {
    {"OK", action_ok},
    {"RELAY", action_ok},
    {"DUNNO", action_dunno},
    {"REJECT", action_reject},
    {"DEFER", action_defer},
    {"DEFER_IF_PERMIT", action_defer_if},
    {"DEFER_IF_REJECT", action_defer_if},
    {"HANGUP", action_hangup},
    {"HOLD", action_hold},
    {"DISCARD", action_discard},
    {"FILTER", action_filter},
    {"REDIRECT", action_redirect},
    {"BCC", action_redirect},
    {"PREPEND", action_prepend},
    {"WARN", action_note},
    {"INFO", action_note},
};

// "550 5.7.1 text" or "450 text".
std::optional<int> reply_code(std::string_view value) {
  auto code = base::parse_number<int>(value.substr(0, 3));
  bool ends = value.size() > 3 && base::is_space(value[3]);
  if (!code || !ends || *code < 400 || *code > 599) return std::nullopt;
  return code;
}

Verdict action_code(Check& c, int code, std::string_view text) {
  auto told = mail::split_dsn(text, code >= 500 ? "5.7.1" : "4.7.1");
  return c.reject(code, told.status, c.rejected(told.text.empty() ? "Access denied" : told.text));
}

}  // namespace

Task<Verdict> take_action(Check& c, std::string source, std::string value) {
  auto trimmed = base::trim(value);
  auto word = trimmed.substr(0, trimmed.find_first_of(base::kSpace));
  ActionText text{source, word, base::trim(trimmed.substr(word.size()))};
  for (auto& action : actions) {
    if (base::iequals(action.word, word)) co_return action.run(c, text);
  }
  if (auto code = reply_code(trimmed)) co_return action_code(c, *code, text.text);
  if (all_digits(trimmed)) co_return Verdict::ok;
  if (trimmed.empty()) {
    c.s.server.log.warning("access table {}: empty lookup result", source);
    co_return c.server_error();
  }
  // Anything else is a list of restrictions.
  RestrictionList list = c.s.server.restrictions->from_table(trimmed, c.access);
  co_return co_await c.run(list);
}

std::vector<std::string> domain_keys(std::string_view name, bool parents_match) {
  std::vector<std::string> keys;
  if (name.empty()) return keys;
  keys.emplace_back(name);
  for (auto at = name.find('.'); at != name.npos; at = name.find('.', at + 1)) {
    auto key = name.substr(parents_match ? at + 1 : at);
    if (!key.empty() && key != ".") keys.emplace_back(key);
  }
  return keys;
}

std::vector<std::string> network_keys(std::string_view address) {
  std::vector<std::string> keys;
  if (address.empty()) return keys;
  keys.emplace_back(address);
  char separator = address.find(':') == address.npos ? '.' : ':';
  for (auto at = address.rfind(separator); at != address.npos && at > 0;
       at = address.rfind(separator, at - 1)) {
    auto key = address.substr(0, at);
    if (key.back() != separator) keys.emplace_back(key);
  }
  return keys;
}

Task<Verdict> ask_table(Check& c, const Restriction& r, std::vector<std::string> keys) {
  if (!r.table) co_return c.broken(451, "4.3.5", c.rejected("Server configuration error"));
  auto kind = lookup::Keys::pattern;
  for (auto& key : keys) {
    lookup::LookupCache* cache = c.s.mail ? &c.s.mail->cache : nullptr;
    auto found = co_await r.table->lookup(key, kind, cache);
    kind = lookup::Keys::fixed;
    if (!found) {
      c.s.server.log.warning("{} lookup error for \"{}\"", r.argument, base::printable(key, true));
      co_return c.broken(451, "4.3.5", c.rejected("Server configuration error"));
    }
    if (*found) co_return co_await take_action(c, r.argument, **found);
  }
  co_return Verdict::dunno;
}

Task<Verdict> ask_host(Check& c, const Restriction& r, std::string name, std::string address) {
  auto names = domain_keys(name, c.s.server.parents_match_access);
  auto verdict = co_await ask_table(c, r, std::move(names));
  if (verdict != Verdict::dunno || address.empty()) co_return verdict;
  auto networks = network_keys(address);
  co_return co_await ask_table(c, r, std::move(networks));
}

}  // namespace dovetail::mta::smtpd
