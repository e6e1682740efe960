// Cleanup::Impl, second part: lines become headers and body, headers are completed, rewritten and written.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <ctime>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/date.h"
#include "mta/cleanup/message.h"

namespace dovetail::mta {

namespace {

using mail::HeaderKind;

// yyyymmddhhmmss in UTC: the incumbent's way to make short queue ids unique for ever.
std::string message_id_stamp(int64_t seconds) {
  time_t when = static_cast<time_t>(seconds);
  tm utc{};
  gmtime_r(&when, &utc);
  return format("{:04d}{:02d}{:02d}{:02d}{:02d}{:02d}.", utc.tm_year + 1900, utc.tm_mon + 1,
                utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

// RFC 5322 3.2.5: a display name of other things than words is quoted.
std::string header_phrase(std::string_view name) {
  bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return base::is_alnum(c) || (c & 0x80) ||
           std::string_view(" !#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(name);
  std::string out = "\"";
  for (char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bool has_8bit(std::string_view text) {
  return !base::is_ascii(text);
}

}  // namespace

void Cleanup::Impl::refuse(unsigned bit, std::string text) {
  if (flags & kCleanupDiscard) return;
  status |= bit;
  if (reason.empty()) reason = std::move(text);
}

void Cleanup::Impl::count_size(size_t bytes) {
  content_bytes_ += static_cast<int64_t>(bytes);
  long limit = service.parameters.message_size_limit;
  if (limit == 0 || content_bytes_ <= limit || (status & kCleanupSize)) return;
  service.log.warning("{}: queue file size limit exceeded", queue_id);
  status |= kCleanupSize;
}

bool Cleanup::Impl::put_line(std::string_view text, bool complete) {
  if (!file_ || !is_alive()) return false;
  count_size(text.size() + (complete ? 1 : 0));
  if (status & kCleanupSize) return false;  // the rest is read and dropped
  bool continued = std::exchange(in_piece_, !complete);
  any_line_ = true;
  if (!mime_.in_headers()) return body_line(text, complete);
  if (!continued) return header_line(text);
  size_t limit = static_cast<size_t>(service.parameters.header_size_limit);
  if (header_.empty()) return body_line(text, complete);
  if (header_.size() < limit) header_ += text.substr(0, limit - header_.size());
  return false;
}

bool Cleanup::Impl::header_line(std::string_view text) {
  size_t limit = static_cast<size_t>(service.parameters.header_size_limit);
  if (!header_.empty() && mail::is_continuation(text)) {
    if (header_.size() < limit) {
      header_ += '\n';
      header_ += text.substr(0, limit - header_.size());
    }
    return false;
  }
  finish_header();
  if (mail::header_name_length(text) > 0) {
    header_ = text.substr(0, limit);
    return enough();
  }
  MimeState::Place place = mime_.place();
  bool is_primary = place == MimeState::Place::primary;
  // A boundary or plain text where headers of a part are expected ends them without an empty line; in the message's
  // own header block the missing line is put in.
  bool ended_by_text = !text.empty();
  if (is_primary || !ended_by_text) {
    waiting_.push_back(Item{Item::end_headers, place, "", true});
    waiting_bytes_ += sizeof(Item);
  }
  if (is_primary || !mime_.boundary(text)) mime_.end_headers();
  if (ended_by_text) {
    bool settle_now = body_line(text, !in_piece_);
    return settle_now || is_primary;
  }
  return true;
}

void Cleanup::Impl::finish_header() {
  if (header_.empty()) return;
  mime_.header(header_);
  waiting_bytes_ += header_.size() + sizeof(Item);
  waiting_.push_back(
      Item{Item::header, mime_.place(), std::exchange(header_, std::string()), true});
}

bool Cleanup::Impl::body_line(std::string_view text, bool complete) {
  bool was_body = !mime_.in_headers();
  if (was_body && text.starts_with("--") && mime_.boundary(text)) body_bytes_checked_ = 0;
  const CleanupParameters& p = service.parameters;
  if ((p.strict_8bitmime || p.strict_8bitmime_body) && !mime_.declared_8bit() && has_8bit(text))
    refuse(kCleanupContent, "5.6.0 improper use of 8-bit data in message body");
  bool checks = (flags & kCleanupFilter) && !filter_off_ && !service.tables.body_checks.empty() &&
                body_bytes_checked_ < static_cast<size_t>(p.body_checks_size_limit);
  bool characters =
      !service.tables.reject_characters.empty() || !service.tables.strip_characters.empty();
  if (!checks && !characters && waiting_.empty()) {
    file_->put_line(text, complete);
    return enough();
  }
  body_bytes_checked_ += text.size() + 1;
  waiting_bytes_ += text.size() + sizeof(Item);
  waiting_.push_back(Item{Item::body, MimeState::Place::body, std::string(text), complete});
  return enough();
}

Task<> Cleanup::Impl::settle() {
  while (!waiting_.empty()) {
    Item item = std::move(waiting_.front());
    waiting_.pop_front();
    if (is_alive()) co_await process(std::move(item));
  }
  waiting_bytes_ = 0;
  take_trouble();
  if (!file_ || !is_alive()) co_return;
  auto written = co_await file_->write_above(kQueueFileBuffer / 2);
  if (written) co_return;
  service.log.warning("{}: write queue file: {}", queue_id, written.error().text);
  status |= kCleanupWrite;
}

Task<> Cleanup::Impl::process(Item item) {
  if (item.kind == Item::header) {
    co_await process_header(std::move(item.text), item.place);
  } else if (item.kind == Item::body) {
    co_await process_body(std::move(item.text), item.complete);
  } else {
    if (item.place == MimeState::Place::primary) after_primary_headers();
    file_->put_line("");
  }
}

// message_reject_characters, message_strip_characters: true means the message is refused.
bool Cleanup::Impl::forbidden_characters(std::string& text, std::string_view what) {
  const CleanupTables& tables = service.tables;
  if (!tables.strip_characters.empty())
    std::erase_if(text,
                  [&](char c) { return tables.strip_characters.find(c) != std::string::npos; });
  if (tables.reject_characters.empty() ||
      text.find_first_of(tables.reject_characters) == std::string::npos)
    return false;
  log_action("reject", what, text, "5.7.1 disallowed character");
  refuse(kCleanupContent, "5.7.1 disallowed character");
  return true;
}

Task<> Cleanup::Impl::process_body(std::string text, bool complete) {
  if (forbidden_characters(text, "body")) co_return;
  if ((flags & kCleanupFilter) && !filter_off_ && !text.empty()) {
    Keep keep = co_await inspect(service.tables.body_checks, "body", text);
    if (keep == Keep::no) co_return;
  }
  for (std::string_view line : base::split(text, '\n')) file_->put_line(line, complete);
}

Task<> Cleanup::Impl::process_header(std::string text, MimeState::Place place) {
  if (forbidden_characters(text, "header")) co_return;
  auto parts = mail::split_header(text);
  const mail::HeaderInfo* info = parts ? mail::find_header(parts->name) : nullptr;
  if ((flags & kCleanupFilter) && !filter_off_) {
    bool mime = place == MimeState::Place::part || (info && (info->flags & mail::kHeaderMime));
    const lookup::Maps& maps = place == MimeState::Place::nested
                                   ? service.tables.nested_header_checks
                               : mime ? service.tables.mime_header_checks
                                      : service.tables.header_checks;
    Keep keep = co_await inspect(maps, "header", text);
    if (keep == Keep::no || !is_alive()) co_return;
    parts = mail::split_header(text);
    info = parts ? mail::find_header(parts->name) : nullptr;
  }
  if (has_8bit(text)) {
    if (base::is_utf8(text)) smtputf8_ |= mail::kUtf8Header;
    bool strict = service.parameters.strict_7bit_headers || service.parameters.strict_8bitmime;
    if (strict && !(flags & kCleanupSmtpUtf8))
      refuse(kCleanupContent, "5.6.0 improper use of 8-bit data in message header");
  }
  if (place != MimeState::Place::primary || !parts) {
    put_header(text);
    co_return;
  }
  for (const std::string& name : service.tables.drop_headers) {
    if (base::iequals(name, parts->name)) co_return;
  }
  if (info) {
    note_header(*info, *parts);
    if (info->flags & mail::kHeaderAddress) {
      auto rewritten = co_await rewrite_header(std::move(text), *info);
      text = std::move(rewritten);
    }
  }
  put_header(text);
}

void Cleanup::Impl::note_header(const mail::HeaderInfo& info, const mail::HeaderParts& parts) {
  seen_.insert(info.kind);
  if (info.flags & mail::kHeaderResent) resent_ = true;
  if (info.kind == HeaderKind::received) ++hops_;
  bool is_id = info.kind == HeaderKind::message_id || info.kind == HeaderKind::resent_message_id;
  if (is_id && !parts.value.empty())
    service.log.info("{}: {}message-id={}", queue_id,
                     info.kind == HeaderKind::message_id ? "" : "resent-",
                     base::printable(base::trim(parts.value), true));
}

bool Cleanup::Impl::rewrites_headers() const {
  return envelope.rewrite_local || !service.parameters.remote_header_rewrite_domain.empty();
}

Task<std::string> Cleanup::Impl::rewrite_header(std::string text, const mail::HeaderInfo& info) {
  if (!rewrites_headers()) co_return text;
  auto parts = mail::split_header(text);
  auto limit = static_cast<size_t>(service.parameters.header_address_token_limit);
  auto list = mail::AddressList::parse(parts->value, limit);
  RewriteContext context = envelope.rewrite_local ? RewriteContext::local : RewriteContext::remote;
  AddressPlace place =
      info.flags & mail::kHeaderSender ? kHeaderSenderPlace : kHeaderRecipientPlace;
  for (size_t i = 0; i < list.size(); ++i) {
    std::string address = service.resolver->rewrite(list.address(i), context);
    if (flags & kCleanupMap) {
      auto mapped = co_await mapper_.canonical(std::move(address), place);
      address = std::move(mapped);
    }
    list.replace(i, std::move(address));
  }
  // Untouched fields keep their folding and spacing: signatures stand over them.
  if (!list.changed()) co_return text;
  co_return mail::fold_header(std::string(parts->name) + ": " + list.text());
}

void Cleanup::Impl::put_header(std::string_view logical) {
  bool first = true;
  for (std::string_view line : base::split(logical, '\n')) {
    if (first || mail::is_continuation(line))
      file_->put_line(line);
    else
      file_->put_line('\t' + std::string(line));
    first = false;
  }
}

void Cleanup::Impl::put_own_header(std::string_view logical) {
  if (!file_ || !is_alive()) return;
  if (mail::header_name_length(logical) && base::istarts_with(logical, "Received:")) ++hops_;
  put_header(logical);
}

void Cleanup::Impl::after_primary_headers() {
  headers_done_ = true;
  if (mime_.too_deep()) refuse(kCleanupContent, "5.6.0 MIME nesting exceeds safety limit");
  if (service.parameters.strict_mime_encoding_domain && mime_.bad_domain())
    refuse(kCleanupContent, "5.6.0 invalid message/* or multipart/* encoding domain");
  if (hops_ > service.parameters.hopcount_limit) {
    service.log.warning("{}: message rejected: hopcount exceeded", queue_id);
    status |= kCleanupHops;
  }
  if (rewrites_headers() || service.parameters.always_add_missing_headers) add_missing_headers();
}

void Cleanup::Impl::add_missing_headers() {
  const CleanupParameters& p = service.parameters;
  std::string_view resent = resent_ ? "Resent-" : "";
  if (!seen(resent_ ? HeaderKind::resent_message_id : HeaderKind::message_id)) {
    std::string stamp = p.enable_long_queue_ids ? "" : message_id_stamp(envelope.arrival.seconds);
    std::string id = format("<{}{}@{}>", stamp, queue_id, p.myhostname);
    put_header(format("{}Message-Id: {}", resent, id));
    service.log.info("{}: {}message-id={}", queue_id, resent_ ? "resent-" : "", id);
  }
  if (!seen(resent_ ? HeaderKind::resent_date : HeaderKind::date))
    put_header(format("{}Date: {}", resent, mail::header_date(envelope.arrival.seconds)));
  if (!seen(resent_ ? HeaderKind::resent_from : HeaderKind::from)) {
    std::string address =
        envelope.sender.empty() ? "MAILER-DAEMON" : mail::quote_address(envelope.sender);
    std::string line = address;
    if (!envelope.full_name.empty()) {
      bool obsolete = p.header_from_format == "obsolete";
      line = obsolete ? format("{} ({})", address, envelope.full_name)
                      : format("{} <{}>", header_phrase(envelope.full_name), address);
    }
    put_header(format("{}From: {}", resent, line));
  }
  bool visible = seen(HeaderKind::to) || seen(HeaderKind::cc) || seen(HeaderKind::resent_to) ||
                 seen(HeaderKind::resent_cc);
  if (!visible && !p.undisclosed_recipients_header.empty())
    put_header(p.undisclosed_recipients_header);
}

}  // namespace dovetail::mta
