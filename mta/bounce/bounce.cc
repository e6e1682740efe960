// SPDX-License-Identifier: Apache-2.0
#include "mta/bounce/bounce.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/date.h"
#include "common/net/conn.h"
#include "conf/bind.h"
#include "conf/postfix/common_parameters.h"
#include "mta/cleanup/cleanup.h"
#include "mta/queue/cleanup_client.h"
#include "mta/queue/queue_file.h"

namespace dovetail::mta {

using Kind = BounceRequest::Kind;

namespace {

// clang-format off
constexpr conf::Bind<BounceParameters> kBounceBindings[] = {
    {"myhostname",               &BounceParameters::myhostname},
    {"myorigin",                 &BounceParameters::myorigin},
    {"mail_name",                &BounceParameters::mail_name},
    {"cleanup_service_name",     &BounceParameters::cleanup_service_name},
    {"double_bounce_sender",     &BounceParameters::double_bounce_sender},
    {"empty_address_recipient",  &BounceParameters::empty_address_recipient},
    {"bounce_notice_recipient",  &BounceParameters::bounce_notice_recipient},
    {"2bounce_notice_recipient", &BounceParameters::two_bounce_notice_recipient},
    {"delay_notice_recipient",   &BounceParameters::delay_notice_recipient},
    {"bounce_template_file",     &BounceParameters::bounce_template_file},
    {"notify_classes",           &BounceParameters::notify_classes},
    {"bounce_size_limit",        &BounceParameters::bounce_size_limit},
    {"maximal_queue_lifetime",   &BounceParameters::maximal_queue_lifetime},
    {"hash_queue_names",         &BounceParameters::hash_queue_names},
    {"hash_queue_depth",         &BounceParameters::hash_queue_depth},
};
// clang-format on

// "MAILER-DAEMON (Mail Delivery System)" as header_from_format = standard wants it; other forms stay as they are written.
std::string from_header(const std::string& form, const std::string& origin) {
  auto open = form.find('(');
  if (open == form.npos || form.back() != ')') return form;
  auto address = std::string(base::trim(std::string_view(form).substr(0, open)));
  if (address.find('@') == address.npos) address += "@" + origin;
  return format("{} <{}>", form.substr(open + 1, form.size() - open - 2), address);
}

std::string with_origin(const std::string& address, const std::string& origin) {
  return address.find('@') == address.npos ? address + "@" + origin : address;
}

std::string_view event_words(Kind kind) {
  return kind == Kind::warn ? "delay" : kind == Kind::trace ? "delivery status" : "non-delivery";
}

}  // namespace

Result<BounceParameters> read_bounce_parameters(const conf::MainCf& cf) { return conf::read(cf, kBounceBindings); }

NoticeTemplates load_templates(const BounceParameters& parameters, const Logger& log) {
  if (parameters.bounce_template_file.empty()) return NoticeTemplates::built_in();
  auto text = base::read_file(parameters.bounce_template_file, 1 << 20);
  auto read = text ? NoticeTemplates::parse(parameters.bounce_template_file, *text) : Result<NoticeTemplates>(text.error());
  if (read) return *read;
  log.warning("{} -- using the built-in templates", read.error().text);
  return NoticeTemplates::built_in();
}

// What all notices about one message share.
struct BounceRole::Material {
  std::vector<BounceEntry> recipients;
  std::string original;
  bool headers_only = false;
  int64_t arrival = 0;
};

Result<void> BounceRole::prepare(service::Context& context) {
  context_ = &context;
  auto parameters = read_bounce_parameters(*context.main_cf);
  if (!parameters) return parameters.error();
  parameters_ = *parameters;
  not_obeyed_ = conf::parameters_that_hold_mail(*context.main_cf, "bounce", context.log);
  templates_ = load_templates(parameters_, context.log);
  directories_ = std::make_unique<QueueDirectories>("", parameters_.hash_queue_names, parameters_.hash_queue_depth);
  disk_ = std::make_unique<net::Pool>(context.loop, 2);
  return {};
}

Task<> BounceRole::serve(service::Context& context, service::Client client) {
  Conn conn(context.loop, std::move(client.fd));
  for (;;) {
    auto list = co_await proto::read_attributes(conn);
    if (!list) {
      context.log.warning("bad request: {}", list.error().text);
      co_return;
    }
    Result<void> done;
    auto request = BounceRequest::decode(*list);
    if (!request) done = request.error();
    else if (!not_obeyed_.empty()) done = temporary(not_obeyed_.front() + " is not supported yet");
    else done = co_await answer(std::move(*request));
    proto::Attributes reply;
    reply.add_number("status", done ? 0 : 1).add("reason", done ? "" : done.error().text);
    proto::put_attributes(conn, reply);
    co_await conn.flush();
  }
}

bool BounceRole::notifies(std::string_view notify_class) const {
  auto& classes = parameters_.notify_classes;
  return std::find(classes.begin(), classes.end(), notify_class) != classes.end();
}

const NoticeTemplate& BounceRole::words_for(const BounceRequest& request) const {
  if (request.kind == Kind::warn) return templates_.delay;
  if (request.kind != Kind::trace) return templates_.failure;
  return request.trace_flags ? templates_.verify : templates_.success;
}

// Blocking: reads the log and as much of the message as the notice will show.
Result<BounceRole::Material> BounceRole::gather(const BounceRequest& request) const {
  Material material;
  std::string_view log = request.kind == Kind::bounce ? "bounce" : request.kind == Kind::trace ? "trace" : "defer";
  auto entries = read_bounce_log(*directories_, log, request.queue_id);
  if (!entries) return entries.error();
  material.recipients = wanted_recipients(*entries, request.kind);
  auto fd = directories_->open(request.queue, request.queue_id, O_RDONLY);
  if (!fd) return fd.error();
  if (!*fd) return temporary(format("{}/{}: no such queue file", request.queue, request.queue_id));
  auto message = read_envelope((*fd)->get(), {.recipient_limit = 1});
  if (!message) return message.error();
  material.arrival = message->envelope.arrival.seconds;
  bool failure = request.kind == Kind::bounce || request.kind == Kind::expire;
  bool small = parameters_.bounce_size_limit == 0 || message->size.message_size <= parameters_.bounce_size_limit;
  material.headers_only = !failure || !small || request.dsn_ret == mail::kRetHeaders;
  ContentReader reader((*fd)->get(), message->size, ContentReader::LineEnd::lf);
  for (;;) {
    auto more = reader.read(material.original, material.original.size() + 65536);
    if (!more) return more.error();
    if (!*more || (material.headers_only && material.original.find("\n\n") != std::string::npos)) break;
  }
  if (material.headers_only) material.original = std::string(header_part(material.original));
  return material;
}

Task<Result<void>> BounceRole::answer(BounceRequest request) {
  auto job = [&] { return gather(request); };
  auto material = co_await disk_->run(job);
  if (!material) co_return material.error().wrap(request.queue_id);
  auto sent = co_await send_all(request, *material);
  if (!sent) co_return sent;
  // The notice is in the queue: a second one must not follow from the same log.
  if (request.kind == Kind::bounce || request.kind == Kind::trace) {
    auto removed = directories_->remove(request.kind == Kind::bounce ? "bounce" : "trace", request.queue_id);
    if (!removed) context_->log.warning("{}: {}", request.queue_id, removed.error().text);
  }
  co_return sent;
}

Task<Result<void>> BounceRole::send_all(const BounceRequest& request, const Material& material) {
  using Audience = Notice::Audience;
  if (material.recipients.empty()) co_return Result<void>();
  bool failure = request.kind == Kind::bounce || request.kind == Kind::expire;
  auto double_bounce = with_origin(parameters_.double_bounce_sender, parameters_.myorigin);
  auto double_bounce_here = with_origin(parameters_.double_bounce_sender, parameters_.myhostname);
  if (base::iequals(request.sender, double_bounce) || base::iequals(request.sender, double_bounce_here)) {
    context_->log.warning("{}: undeliverable postmaster notification discarded", request.queue_id);
    co_return Result<void>();
  }
  if (request.sender.empty()) {
    // A notice about a notice goes to the postmaster, if he wants it, and never back.
    if (!failure || !notifies("2bounce")) co_return Result<void>();
    auto told = co_await send(request, material, Audience::postmaster, double_bounce, parameters_.two_bounce_notice_recipient);
    co_return told;
  }
  auto sent = co_await send(request, material, Audience::sender, "", request.sender);
  if (!sent) co_return sent;
  if (failure && notifies("bounce")) {
    sent = co_await send(request, material, Audience::postmaster, double_bounce, parameters_.bounce_notice_recipient);
  } else if (request.kind == Kind::warn && notifies("delay")) {
    sent = co_await send(request, material, Audience::postmaster, double_bounce, parameters_.delay_notice_recipient);
  }
  // The sender knows; a copy that failed must not tell him twice.
  if (!sent) context_->log.warning("{}: postmaster notice: {}", request.queue_id, sent.error().text);
  co_return Result<void>();
}

Task<Result<void>> BounceRole::send(const BounceRequest& request, const Material& material, Notice::Audience audience,
                                    std::string envelope_sender, std::string to) {
  bool postmaster = audience == Notice::Audience::postmaster;
  auto& words = words_for(request);
  auto now = base::wall_now().seconds;
  Notice notice;
  notice.kind = request.kind;
  notice.audience = audience;
  notice.words = &words;
  notice.text = postmaster ? "" : expand_template(words.text, *context_->main_cf);
  notice.myhostname = parameters_.myhostname;
  notice.from = from_header(words.from, parameters_.myorigin);
  notice.to = with_origin(to, parameters_.myorigin);
  notice.original_queue_id = request.queue_id;
  notice.now = now;
  notice.arrival = material.arrival;
  notice.retry_until = material.arrival + parameters_.maximal_queue_lifetime.count();
  notice.sender = request.sender;
  notice.envelope_id = request.envelope_id;
  notice.utf8 = request.smtputf8 != 0;
  notice.recipients = material.recipients;
  notice.headers_only = material.headers_only || postmaster;
  notice.original = postmaster ? std::string(header_part(material.original)) : material.original;

  auto client = co_await CleanupClient::open(context_->loop, "public/" + parameters_.cleanup_service_name, kCleanupMaskInternal);
  if (!client) co_return client.error();
  mail::Envelope envelope;
  envelope.sender = envelope_sender;
  envelope.log_origin = "local";
  envelope.encoding = mail::Encoding::eight_bit;
  envelope.smtputf8 = request.smtputf8 ? mail::kUtf8Requested : 0;
  envelope.recipients.push_back({notice.to, {}, {}, mail::kNotifyNever, 0});
  auto id = (*client)->queue_id();
  auto received = format("Received: by {} ({})\n\tid {}; {}\n", parameters_.myhostname, parameters_.mail_name, id,
                         mail::header_date(now));
  auto text = received + compose_notice(notice);
  try {
    co_await (*client)->send_envelope(envelope);
    co_await (*client)->send_content(text);
  } catch (const IoError& io) {
    co_return temporary("cleanup service: " + io.message());
  }
  auto done = co_await (*client)->finish();
  if (!done) co_return done;
  context_->log.info("{}: {} {} notification: {}", request.queue_id, postmaster ? "postmaster" : "sender",
                     event_words(request.kind), id);
  co_return Result<void>();
}

}  // namespace dovetail::mta
