// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/restrictions/restriction.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/dsn.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

constexpr int kNestingLimit = 100;
constexpr size_t kKeptTableLists = 1000;
constexpr size_t kRefusalText = 500;

bool is_table_name(std::string_view word) {
  return word.find(':') != word.npos && word.front() != '{';
}

// The verb a bare "type:table" stands for.
std::string_view default_verb(DefaultAccess access) {
  switch (access) {
    case DefaultAccess::client:
      return "check_client_access";
    case DefaultAccess::helo:
      return "check_helo_access";
    case DefaultAccess::sender:
      return "check_sender_access";
    case DefaultAccess::recipient:
      return "check_recipient_access";
    case DefaultAccess::etrn:
      return "check_etrn_access";
    case DefaultAccess::none:
      break;
  }
  return {};
}

constexpr std::string_view working_verbs[] = {
    "reject_unauth_destination", "defer_unauth_destination", "reject", "defer",
    "defer_if_permit",           "check_relay_domains"};

}  // namespace

Restrictions::Restrictions(net::Loop& loop, const conf::MainCf& main_cf, Logger log,
                           lookup::OpenOptions options)
    : loop_(loop), main_cf_(main_cf), log_(std::move(log)), options_(std::move(options)) {
  options_.surrogate = true;
}

std::shared_ptr<const lookup::Maps> Restrictions::table(std::string_view type_name) {
  auto found = tables_.find(type_name);
  if (found != tables_.end()) return found->second;
  std::shared_ptr<const lookup::Maps> maps;
  auto opened = lookup::Maps::open(loop_, main_cf_, "smtpd restrictions", type_name, options_);
  if (opened)
    maps = std::make_shared<const lookup::Maps>(std::move(*opened));
  else
    log_.error("{}", opened.error().text);
  tables_.emplace(type_name, maps);
  return maps;
}

RestrictionList Restrictions::parse(std::string_view text, DefaultAccess access) {
  RestrictionList list;
  auto words = conf::split_list(text);
  for (size_t i = 0; i < words.size(); ++i) {
    Restriction restriction;
    restriction.name = words[i];
    if (is_table_name(words[i]) && access != DefaultAccess::none) {
      restriction.verb = find_verb(default_verb(access));
      restriction.argument = words[i];
    } else {
      restriction.verb = find_verb(words[i]);
      bool wants = restriction.verb && restriction.verb->takes != Takes::nothing;
      if (wants && i + 1 < words.size()) restriction.argument = words[++i];
    }
    if (restriction.verb && restriction.verb->takes == Takes::table &&
        !restriction.argument.empty()) {
      auto bare = conf::unbrace(restriction.argument);
      restriction.table =
          table(restriction.argument.front() == '{' && bare ? *bare : restriction.argument);
    }
    list.push_back(std::move(restriction));
  }
  return list;
}

const RestrictionList& Restrictions::from_table(std::string_view text, DefaultAccess access) {
  auto key = format("{} {}", static_cast<int>(access), text);
  auto found = from_tables_.find(key);
  if (found != from_tables_.end()) return found->second;
  if (from_tables_.size() >= kKeptTableLists) from_tables_.erase(from_tables_.begin());
  return from_tables_.emplace(std::move(key), parse(text, access)).first->second;
}

const RestrictionList* Restrictions::find_class(std::string_view name) const {
  auto found = classes_.find(name);
  return found == classes_.end() ? nullptr : &found->second;
}

Result<void> Restrictions::open_classes(std::string_view names) {
  for (auto& name : conf::split_list(names)) {
    auto value = main_cf_.value(name);
    if (!value) return value.error();
    classes_[name] = parse(*value, DefaultAccess::none);
  }
  return {};
}

// Whether the list is sure to stop mail for strangers somewhere: a `permit` before hides what follows.
bool Restrictions::has_working(const RestrictionList& list, int depth) const {
  for (size_t i = 0; i < list.size(); ++i) {
    auto& name = list[i].name;
    if (base::iequals(name, "warn_if_reject")) {
      ++i;
      continue;
    }
    if (base::iequals(name, "permit")) return false;
    auto same = [&](std::string_view verb) { return base::iequals(verb, name); };
    if (std::any_of(std::begin(working_verbs), std::end(working_verbs), same)) return true;
    auto* nested = find_class(name);
    if (nested && depth < kNestingLimit && has_working(*nested, depth + 1)) return true;
  }
  return false;
}

Result<void> Restrictions::open(const SmtpdParameters& p) {
  auto classes = open_classes(p.smtpd_restriction_classes);
  if (!classes) return classes.error();
  client = parse(p.smtpd_client_restrictions, DefaultAccess::client);
  helo = parse(p.smtpd_helo_restrictions, DefaultAccess::helo);
  sender = parse(p.smtpd_sender_restrictions, DefaultAccess::sender);
  relay = parse(p.smtpd_relay_restrictions, DefaultAccess::recipient);
  recipient = parse(p.smtpd_recipient_restrictions, DefaultAccess::recipient);
  data = parse(p.smtpd_data_restrictions, DefaultAccess::none);
  end_of_data = parse(p.smtpd_end_of_data_restrictions, DefaultAccess::none);
  etrn = parse(p.smtpd_etrn_restrictions, DefaultAccess::etrn);
  if (has_working(relay, 0) || has_working(recipient, 0)) return {};
  return config_error(
      "in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one "
      "working instance "
      "of: reject_unauth_destination, defer_unauth_destination, reject, defer, defer_if_permit or "
      "check_relay_domains");
}

// --- one run

Task<Verdict> Check::run(const RestrictionList& list) {
  if (++depth > kNestingLimit) {
    s.server.log.warning("restriction nesting too deep for {}", subject);
    co_return server_error();
  }
  bool warn_before = warn_if_reject;
  auto verdict = Verdict::dunno;
  for (auto& restriction : list) {
    if (base::iequals(restriction.name, "warn_if_reject")) {
      warn_if_reject = true;
      continue;
    }
    verdict = co_await run_one(restriction);
    warn_if_reject = warn_before;
    if (verdict != Verdict::dunno) break;
  }
  --depth;
  co_return verdict;
}

Task<Verdict> Check::run_one(const Restriction& restriction) {
  if (!restriction.verb) {
    auto* nested = s.server.restrictions->find_class(restriction.name);
    if (nested) co_return co_await run(*nested);
    s.server.log.warning("unknown smtpd restriction: \"{}\"", restriction.name);
    co_return server_error();
  }
  if (!restriction.verb->handler) {
    s.server.log.warning("smtpd restriction \"{}\" is not supported yet", restriction.name);
    co_return server_error();
  }
  if (restriction.verb->takes != Takes::nothing && restriction.argument.empty()) {
    s.server.log.warning("restriction {} needs an argument", restriction.name);
    co_return server_error();
  }
  co_return co_await restriction.verb->handler(*this, restriction);
}

std::string Check::rejected(std::string_view text) const {
  auto shown = reply_class == kSenderAddress || reply_class == kRecipientAddress
                   ? mail::quote_address(subject)
                   : subject;
  return format("<{}>: {} rejected: {}", shown, reply_class, text);
}

void Check::log_line(std::string_view whatsup, std::string_view text) const {
  s.server.log.write(Level::info, restriction_line(s.queue_id(), whatsup, s.where, s.client, text,
                                                   s.transaction_text()));
}

Verdict Check::refuse(int code, std::string_view dsn, std::string text) {
  for (auto& c : text) {
    auto u = static_cast<unsigned char>(c);
    if (u < 32 || u == 127) c = ' ';
  }
  if (text.size() > kRefusalText) text.resize(kRefusalText);
  if (s.parameters.soft_bounce && code >= 500) code -= 100;
  refusal = mail::Reply{code, mail::with_dsn_class(dsn, static_cast<char>('0' + code / 100)),
                        std::move(text)};
  log_line("reject", refusal->line());
  return Verdict::reject;
}

Verdict Check::reject(int code, std::string_view dsn, std::string text) {
  if (warn_if_reject) {
    mail::Reply reply{code, mail::with_dsn_class(dsn, static_cast<char>('0' + code / 100)),
                      std::move(text)};
    log_line("reject_warning", reply.line());
    return Verdict::dunno;
  }
  return broken(code, dsn, std::move(text));
}

Verdict Check::broken(int code, std::string_view dsn, std::string text) {
  // An earlier temporary problem might have let the mail pass; a final refusal would be wrong then.
  if (code >= 500 && s.check.defer_if_reject) {
    auto earlier = *std::exchange(s.check.defer_if_reject, std::nullopt);
    return refuse(earlier.code, earlier.dsn, earlier.text);
  }
  return refuse(code, dsn, std::move(text));
}

Verdict Check::server_error() {
  return broken(451, "4.3.5", "Server configuration error");
}

Verdict Check::lookup_failed(std::string_view about) {
  return broken(451, "4.3.0", format("<{}>: Temporary lookup failure", mail::quote_address(about)));
}

Verdict Check::defer_if_permit(int code, std::string_view dsn, std::string text) {
  if (!s.check.defer_if_permit)
    s.check.defer_if_permit = mail::Reply{code, std::string(dsn), std::move(text)};
  return Verdict::dunno;
}

Verdict Check::defer_if_reject(int code, std::string_view dsn, std::string text) {
  if (!s.check.defer_if_reject)
    s.check.defer_if_reject = mail::Reply{code, std::string(dsn), std::move(text)};
  return Verdict::dunno;
}

}  // namespace dovetail::mta::smtpd
