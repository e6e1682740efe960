// SPDX-License-Identifier: Apache-2.0
#include "mta/local/virtual.h"

#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "conf/bind.h"

namespace dovetail::mta {

namespace {

using V = VirtualParameters;
// clang-format off
constexpr conf::Bind<V> kVirtualBindings[] = {
    {"virtual_mailbox_maps",  &V::virtual_mailbox_maps},  {"virtual_uid_maps",      &V::virtual_uid_maps},
    {"virtual_gid_maps",      &V::virtual_gid_maps},      {"virtual_mailbox_base",  &V::virtual_mailbox_base},
    {"recipient_delimiter",   &V::recipient_delimiter},   {"virtual_mailbox_limit", &V::virtual_mailbox_limit},
    {"message_size_limit",    &V::message_size_limit},    {"virtual_minimum_uid",   &V::virtual_minimum_uid},
};
// clang-format on

Outcome virtual_outcome(std::string status, std::string text) {
  Outcome outcome;
  outcome.relay = "virtual";
  outcome.status = status[0] == '2'   ? Status::sent
                   : status[0] == '4' ? Status::deferred
                                      : Status::bounced;
  outcome.dsn = {std::move(status), std::move(text)};
  if (outcome.status == Status::sent) outcome.trace_action = "delivered";
  return outcome;
}

}  // namespace

Result<void> VirtualRole::prepare_agent(service::Context& context) {
  context_ = &context;
  auto& cf = *context.main_cf;
  auto read = conf::read(cf, kVirtualBindings);
  if (!read) return read.error();
  parameters_ = std::move(*read);
  auto& p = parameters_;
  if (p.virtual_mailbox_limit > 0 &&
      (p.message_size_limit == 0 || p.virtual_mailbox_limit < p.message_size_limit)) {
    return config_error(
        "main.cf configuration error: virtual_mailbox_limit is smaller than message_size_limit");
  }
  lookup::OpenOptions safe{context.log};
  safe.no_substitution = safe.surrogate = true;
  struct MapRow {
    std::string_view title;
    const std::string& value;
    lookup::Maps& to;
  };
  const MapRow rows[] = {
      {"virtual_mailbox_maps", p.virtual_mailbox_maps, mailboxes_},
      {"virtual_uid_maps", p.virtual_uid_maps, uids_},
      {"virtual_gid_maps", p.virtual_gid_maps, gids_},
  };
  for (auto& row : rows) {
    auto maps = lookup::Maps::open(context.loop, cf, row.title, row.value, safe);
    if (!maps) return maps.error();
    row.to = std::move(*maps);
  }
  auto checked = workshop().mailbox_job("virtual_mailbox_lock", 0);
  return checked ? Result<void>() : checked.error();
}

Task<> VirtualRole::deliver(service::Context&, Delivery& delivery) {
  for (size_t i = 0; i < delivery.recipients().size(); ++i) {
    auto outcome = co_await deliver_one(delivery, delivery.recipients()[i]);
    outcome.connected = delivery.request().handoff;
    co_await delivery.finish(i, std::move(outcome));
  }
}

Task<Result<std::optional<lookup::AddrFound>>> VirtualRole::find(const lookup::Maps& maps,
                                                                 const std::string& address) {
  lookup::AddrFindOptions options;
  options.forms = lookup::find_mailbox;
  options.recipient_delimiter = parameters_.recipient_delimiter;
  auto found = co_await lookup::mail_addr_find(maps, address, options);
  co_return found;
}

Task<std::optional<long>> VirtualRole::find_id(const lookup::Maps& maps,
                                               const mail::Recipient& rcpt, long least,
                                               std::string_view what) {
  auto found = co_await find(maps, rcpt.address);
  if (!found) {
    context_->log.warning("recipient {}: {}: {}", rcpt.address, maps.title(), found.error().text);
    co_return std::nullopt;
  }
  if (!*found) {
    context_->log.warning("recipient {}: not found in {}", rcpt.address, maps.title());
    co_return std::nullopt;
  }
  auto number = base::parse_number<long>((*found)->value);
  if (!number || *number < least) {
    context_->log.warning("recipient {}: bad {} {} in {}", rcpt.address, what, (*found)->value,
                          maps.title());
    co_return std::nullopt;
  }
  co_return number;
}

Task<Outcome> VirtualRole::deliver_one(Delivery& delivery, const mail::Recipient& rcpt) {
  auto mailbox = co_await find(mailboxes_, rcpt.address);
  if (!mailbox) {
    context_->log.warning("table {}: lookup {}: {}", mailboxes_.title(), rcpt.address,
                          mailbox.error().text);
    co_return virtual_outcome("4.3.5", "mail system configuration error");
  }
  if (!*mailbox) co_return virtual_outcome("5.1.1", format("unknown user: \"{}\"", rcpt.address));
  auto uid = co_await find_id(uids_, rcpt, parameters_.virtual_minimum_uid, "uid");
  if (!uid) co_return virtual_outcome("4.3.5", "mail system configuration error");
  auto gid = co_await find_id(gids_, rcpt, 1, "gid");
  if (!gid) co_return virtual_outcome("4.3.5", "mail system configuration error");
  auto path = parameters_.virtual_mailbox_base + "/" + (*mailbox)->value;
  bool maildir = path.ends_with('/');
  std::string said = maildir ? "maildir" : "mailbox";
  if (delivery.is_probe()) co_return virtual_outcome("2.0.0", "delivers to " + said);
  auto job = workshop().mailbox_job("virtual_mailbox_lock", parameters_.virtual_mailbox_limit);
  if (!job) co_return virtual_outcome("4.3.5", "mail system configuration error");
  job->kind = maildir ? Job::Kind::maildir : Job::Kind::mbox;
  job->path = path;
  job->lock_file_optional = true;
  MailHeaders headers{!maildir, true, true, true};
  TextForm form;
  auto original = rcpt.orig_rcpt.empty() ? rcpt.address : rcpt.orig_rcpt;
  form.before =
      lines_before(headers, delivery.request().envelope.sender, original, rcpt.address, "\n");
  form.quote_from = !maildir;
  if (!maildir) form.after = "\n";
  auto message = std::make_unique<FormedMessage>(delivery.fd(), delivery.size(), std::move(form));
  DeliveryRights rights{static_cast<uid_t>(*uid), static_cast<gid_t>(*gid)};
  auto result = co_await workshop().run(rights, *job, std::move(message), &disk());
  if (!result.done && result.system == std::strerror(EACCES)) {
    context_->log.warning("{} access problem for UID/GID={}/{}: {}", said, *uid, *gid,
                          base::printable(result.failure.text));
    context_->log.warning("perhaps you need to create the {}s in advance", said);
    result.failure.status = "4.2.0";
  }
  auto outcome = outcome_of(result, "virtual", "delivered to " + said);
  if (!result.done) {
    auto words = maildir ? std::string("maildir delivery failed: ") : format("mailbox {}: ", path);
    outcome.dsn.text = words + outcome.dsn.text;
  }
  co_return outcome;
}

}  // namespace dovetail::mta
