// Cleanup::Impl, first part: the queue file's beginning, sender and recipients.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/address.h"
#include "mta/cleanup/message.h"

namespace dovetail::mta {

namespace {

constexpr size_t kRecipientsAtOnce = 20;  // whose lookups are in flight together

std::string_view encoding_word(mail::Encoding encoding) {
  return encoding == mail::Encoding::eight_bit   ? "8bit"
         : encoding == mail::Encoding::seven_bit ? "7bit"
                                                 : "";
}

void put_if(QueueFile& file, std::string_view name, std::string_view value) {
  if (!value.empty()) file.put_attribute(name, value);
}

void put_number_if(QueueFile& file, std::string_view name, int value) {
  if (value) file.put_attribute(name, format("{}", value));
}

}  // namespace

Cleanup::Impl::Impl(CleanupServiceImpl& shared, unsigned wanted)
    : service(shared),
      flags(wanted),
      mapper_(shared, queue_id),
      mime_(MimeState::Limits{static_cast<size_t>(shared.parameters.mime_nesting_limit),
                              static_cast<size_t>(shared.parameters.mime_boundary_length_limit),
                              !shared.parameters.disable_mime_input_processing}) {}

// What main.cf asks for and nobody here does keeps mail back (design.md 3). Milters of mail that comes from nowhere near
// SMTP are ours to ask; until that is there, such mail waits.
void Cleanup::Impl::check_obeyed() {
  if (!service.not_obeyed.empty()) {
    status |= kCleanupDefer;
    reason = "4.3.5 Server configuration problem";
    service.log.warning("{}: {} is not supported yet: mail waits", queue_id, service.not_obeyed.front());
    return;
  }
  bool ours = (flags & kCleanupMilter) && !(flags & kCleanupSmtpReply);
  if (!ours || service.parameters.non_smtpd_milters.empty()) return;
  status |= kCleanupDefer;
  reason = "4.3.5 Server configuration problem";
  service.log.warning("non_smtpd_milters is not supported yet: mail waits");
}

Task<Result<void>> Cleanup::Impl::open() {
  QueueFileOptions options;
  options.long_ids = service.parameters.enable_long_queue_ids;
  options.line_length_limit = static_cast<size_t>(service.parameters.line_length_limit);
  auto created = co_await QueueFile::create(service.disk, service.directories, std::move(options));
  if (!created) {
    service.log.warning("{}", created.error().text);
    status |= kCleanupWrite;
    co_return created.error();
  }
  file_ = std::move(*created);
  queue_id = file_->queue_id();
  if (envelope.arrival.seconds == 0) envelope.arrival = file_->arrival();
  co_return Result<void>();
}

void Cleanup::Impl::take_trouble() {
  status |= mapper_.trouble().status;
  if (reason.empty()) reason = mapper_.trouble().reason;
}

Task<> Cleanup::Impl::map_sender() {
  if (envelope.sender.empty()) co_return;
  std::string sender = service.resolver->rewrite(envelope.sender, RewriteContext::local);
  if (flags & kCleanupMap) {
    auto mapped = co_await mapper_.canonical(std::move(sender), kEnvelopeSender);
    sender = std::move(mapped);
  }
  envelope.sender = std::move(sender);
  if (!base::is_ascii(envelope.sender)) smtputf8_ |= mail::kUtf8Sender;
}

void Cleanup::Impl::write_client(const mail::ClientInfo& client, bool log) {
  std::string_view prefix = log ? "log_" : "";
  auto put = [&](std::string_view name, const std::string& value) {
    put_if(*file_, std::string(prefix) + std::string(name), value);
  };
  put("client_name", client.name);
  if (!log) put("reverse_client_name", client.reverse_name);
  put("client_address", client.address);
  put("client_port", client.port);
  if (log) {
    if (!client.name.empty()) put_if(*file_, "log_message_origin", envelope.log_origin);
  } else {
    put("server_address", client.server_address);
    put("server_port", client.server_port);
  }
  put("helo_name", client.helo);
  put("protocol_name", client.protocol);
  if (!log) put_number_if(*file_, "client_address_type", client.address_family);
}

void Cleanup::Impl::write_envelope_head() {
  QueueFile& file = *file_;
  file.put_size();
  file.put(kRecTime, format("{} {}", envelope.arrival.seconds, envelope.arrival.microseconds));
  file.put_attribute("create_time", format("{}", file.arrival().seconds));
  if (!envelope.log_client.name.empty())
    file.put_attribute("log_ident", envelope.log_ident.empty() ? queue_id : envelope.log_ident);
  file.put_attribute("rewrite_context", envelope.rewrite_local ? "local" : "remote");
  if (!envelope.filter.empty()) file.put(kRecFilter, envelope.filter);
  if (!envelope.redirect.empty()) file.put(kRecRedirect, envelope.redirect);
  if (!envelope.full_name.empty()) file.put(kRecFullName, envelope.full_name);
  if (!envelope.verp_delims.empty()) file.put(kRecVerp, envelope.verp_delims);
  file.put(kRecFrom, envelope.sender);
  // One warning per message, at this time; VERP senders want none.
  if (service.parameters.delay_warning_time.count() > 0 && envelope.verp_delims.empty())
    file.put(kRecWarn, format("{:15d}", envelope.arrival.seconds +
                                            service.parameters.delay_warning_time.count()));
  put_if(file, "encoding", encoding_word(envelope.encoding));
  put_if(file, "envelope_id", envelope.dsn_envid);
  put_number_if(file, "ret_flags", envelope.dsn_ret);
  put_number_if(file, "smtputf8", envelope.smtputf8);
  put_number_if(file, "trace_flags", envelope.trace_flags);
  write_client(envelope.log_client, true);
  write_client(envelope.client, false);
  put_if(file, "sasl_method", envelope.sasl_method);
  put_if(file, "sasl_username", envelope.sasl_username);
  put_if(file, "sasl_sender", envelope.sasl_sender);
  for (const auto& [name, value] : envelope.other) {
    if (name != "create_time") file.put_attribute(name, value);
  }
}

// RFC 3461 5.2.7: an alias of several addresses is reported as expanded; its members report nothing more of success.
void Cleanup::Impl::report_expansion(const mail::Recipient& recipient) {
  BounceEntry entry;
  entry.recipient = recipient.address;
  entry.original_recipient = recipient.orig_rcpt;
  entry.dsn_orig_rcpt = recipient.dsn_orcpt;
  entry.notify_flags = recipient.dsn_notify;
  entry.status = "2.0.0";
  entry.action = "expanded";
  entry.reason = "alias expanded";
  auto done = append_bounce_entry(service.directories, "trace", queue_id, entry);
  if (done) return;
  service.log.warning("{}: trace log: {}", queue_id, done.error().text);
  status |= kCleanupWrite;
}

void Cleanup::Impl::write_recipient(const mail::Recipient& recipient,
                                    const std::vector<std::string>& final_addresses) {
  const CleanupParameters& p = service.parameters;
  int notify = recipient.dsn_notify;
  if (final_addresses.size() > 1 && (notify & mail::kNotifySuccess)) {
    report_expansion(recipient);
    notify &= ~mail::kNotifySuccess;
    if (notify == 0) notify = mail::kNotifyNever;
  }
  std::string original = p.enable_original_recipient ? recipient.orig_rcpt : std::string();
  for (const std::string& address : final_addresses) {
    std::string key = base::lower(original) + '\0' + base::lower(address);
    if (duplicates_.contains(key)) continue;
    if (duplicates_.size() < static_cast<size_t>(p.duplicate_filter_limit))
      duplicates_.insert(std::move(key));
    put_number_if(*file_, "notify_flags", notify);
    put_if(*file_, "dsn_orig_rcpt", recipient.dsn_orcpt);
    if (!original.empty()) file_->put(kRecOrigRcpt, original);
    if (flags & kCleanupBounce) {
      mail::Recipient kept = recipient;
      kept.address = address;
      kept.offset = file_->offset();
      written_.push_back({std::move(kept)});
    }
    file_->put(kRecRcpt, address);
    notify_seen_ |= notify;
    if (!base::is_ascii(address)) smtputf8_ |= mail::kUtf8Recipient;
    ++recipient_count_;
  }
}

Task<> Cleanup::Impl::map_recipient(mail::Recipient* recipient, Mapped* out) {
  std::string address = service.resolver->rewrite(recipient->address, RewriteContext::local);
  if (address.empty()) address = service.resolver->rewrite("MAILER-DAEMON", RewriteContext::local);
  if (flags & kCleanupMap) {
    auto mapped = co_await mapper_.canonical(std::move(address), kEnvelopeRecipient);
    address = std::move(mapped);
  }
  out->address = address;
  if (flags & kCleanupBcc) {
    auto bcc = co_await mapper_.bcc(service.tables.recipient_bcc, address);
    out->bcc = std::move(bcc);
  }
  if (flags & kCleanupMap) {
    auto expanded = co_await mapper_.expand_virtual(address);
    out->final_addresses = std::move(expanded);
  } else {
    out->final_addresses.push_back(address);
  }
}

Task<> Cleanup::Impl::map_recipients(size_t first, size_t last) {
  std::vector<Mapped> mapped(last - first);
  std::vector<Task<>> tasks;
  for (size_t i = first; i < last; ++i)
    tasks.push_back(map_recipient(&recipients[i], &mapped[i - first]));
  co_await net::when_all(service.loop, std::move(tasks));
  for (size_t i = first; i < last; ++i) {
    Mapped& result = mapped[i - first];
    mail::Recipient& recipient = recipients[i];
    if (recipient.orig_rcpt.empty())
      recipient.orig_rcpt = recipient.address.empty() ? result.address : recipient.address;
    recipient.address = result.address;
    // RFC 3461 5.2.1: reports name the address as it came, also when the client gave no ORCPT.
    if (recipient.dsn_orcpt.empty())
      recipient.dsn_orcpt = (base::is_ascii(recipient.orig_rcpt) ? "rfc822;" : "utf-8;") + recipient.orig_rcpt;
    write_recipient(recipient, result.final_addresses);
    if (!result.bcc.empty()) co_await write_bcc(std::move(result.bcc));
  }
}

namespace {

// Blind copies get no reports.
mail::Recipient blind_copy(std::string address) {
  mail::Recipient recipient;
  recipient.address = std::move(address);
  recipient.dsn_notify = mail::kNotifyNever;
  return recipient;
}

}  // namespace

// Aliases like any other recipient, but not looked up in bcc maps again.
Task<> Cleanup::Impl::write_late(mail::Recipient recipient) {
  recipient.address = service.resolver->rewrite(recipient.address, RewriteContext::local);
  if (recipient.orig_rcpt.empty()) recipient.orig_rcpt = recipient.address;
  std::vector<std::string> final_addresses{recipient.address};
  if (flags & kCleanupMap) {
    auto expanded = co_await mapper_.expand_virtual(recipient.address);
    final_addresses = std::move(expanded);
  }
  write_recipient(recipient, final_addresses);
}

Task<> Cleanup::Impl::write_bcc(std::string address) {
  mail::Recipient recipient = blind_copy(std::move(address));
  co_await write_late(std::move(recipient));
}

void Cleanup::Impl::add_bcc(std::string address) {
  late_.push_back(blind_copy(std::move(address)));
}

Task<> Cleanup::Impl::end_envelope() {
  if (!file_) co_return;
  check_obeyed();
  co_await map_sender();
  write_envelope_head();
  for (size_t first = 0; first < recipients.size(); first += kRecipientsAtOnce) {
    co_await map_recipients(first, std::min(recipients.size(), first + kRecipientsAtOnce));
    auto written = co_await file_->write_above(kQueueFileBuffer);
    if (!written) status |= kCleanupWrite;
  }
  if ((flags & kCleanupBcc) && recipient_count_ > 0) {
    if (!service.parameters.always_bcc.empty()) co_await write_bcc(service.parameters.always_bcc);
    if (!envelope.sender.empty()) {
      auto bcc = co_await mapper_.bcc(service.tables.sender_bcc, envelope.sender);
      if (!bcc.empty()) co_await write_bcc(std::move(bcc));
    }
  }
  take_trouble();
  file_->put(kRecMessage, "");
  data_offset_ = file_->offset();
}

}  // namespace dovetail::mta
