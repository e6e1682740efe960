// SPDX-License-Identifier: Apache-2.0
#include "mda/worker/save_delivery.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "conf/dovecot/variables.h"

namespace dovetail::mda {

using Status = DeliveryAnswer::Status;

namespace {

constexpr size_t kDeliveryHead = 64 * 1024;
constexpr std::string_view kDefaultSieve = "file:~/sieve;active=~/.dovecot.sieve";

// The value of a header field, unfolded; empty if there is none.
std::string delivery_header_field(std::string_view header, std::string_view name) {
  auto next_line = [&header] {
    auto end = std::min(header.find('\n'), header.size());
    auto line = base::trim_right(header.substr(0, end), "\r");
    header.remove_prefix(std::min(end + 1, header.size()));
    return line;
  };
  while (!header.empty()) {
    auto line = next_line();
    if (line.empty()) break;
    if (!base::istarts_with(line, name) || !line.substr(name.size()).starts_with(':')) continue;
    std::string value(line.substr(name.size() + 1));
    while (header.starts_with(' ') || header.starts_with('\t')) value += next_line();
    return std::string(base::trim(value));
  }
  return {};
}

DeliveryFacts delivery_facts(const Delivery& delivery, int fd) {
  DeliveryFacts facts;
  facts.message_id = delivery.message_id;
  auto path = delivery_header_field(delivery.prefix, "Return-Path");
  if (path.starts_with('<') && path.ends_with('>')) facts.sender = path.substr(1, path.size() - 2);
  struct stat file {};
  if (::fstat(fd, &file) != 0 || file.st_size <= static_cast<off_t>(delivery.offset)) return facts;
  auto size = static_cast<uint64_t>(file.st_size) - delivery.offset;
  facts.size = size + delivery.prefix.size();
  std::string head(std::min<uint64_t>(kDeliveryHead, size), '\0');
  auto got = ::pread(fd, head.data(), head.size(), static_cast<off_t>(delivery.offset));
  head.resize(got > 0 ? static_cast<size_t>(got) : 0);
  facts.subject = delivery_header_field(head, "Subject");
  facts.from = delivery_header_field(head, "From");
  return facts;
}

bool names_plugin(const std::string& mail_plugins, std::string_view plugin) {
  auto names = base::words(mail_plugins, " ,\t");
  return std::find(names.begin(), names.end(), plugin) != names.end();
}

std::string at_home(std::string path, const std::string& home) {
  if (path.starts_with("~/")) return home + path.substr(1);
  if (!path.starts_with('/')) return home + "/" + path;
  return path;
}

// A script of the user's that the incumbent would run.
std::string active_sieve_script(const MailUser& user) {
  for (auto key : {"sieve_before", "sieve_after", "sieve_default", "sieve_global"}) {
    if (auto set = user.view->plugin(key); set && !set->empty()) return format("{}={}", key, *set);
  }
  auto location = user.expanded(user.view->plugin("sieve").value_or(std::string(kDefaultSieve)));
  std::string script;
  for (auto part : base::split(location, ';')) {
    if (part.starts_with("active=")) script = part.substr(7);
  }
  if (script.empty()) script = location.starts_with("file:") ? location.substr(5) : location;
  if (script.find(':') != script.npos)
    return script;  // a dict or another driver: cannot tell, so there may be one
  auto path = at_home(script, user.home);
  struct stat node {};
  return ::stat(path.c_str(), &node) == 0 && S_ISREG(node.st_mode) ? path : std::string();
}

struct OpenedBox {
  std::shared_ptr<Mailbox> box;
  Error error;  // if there is no box
};

Task<OpenedBox> open_target(Store& store, const MailUser& user, std::string name) {
  OpenedBox opened;
  auto box = co_await store.open_for_delivery(name);
  bool missing = box && !*box;
  if (missing && user.view->get_bool("lda_mailbox_autocreate")) {
    auto created = co_await store.list().create(name);
    if (created && user.view->get_bool("lda_mailbox_autosubscribe")) {
      auto subscribed = co_await store.list().subscribe(name, true);
      if (!subscribed) {
        opened.error = subscribed.error();
        co_return opened;
      }
    }
    box = co_await store.open_for_delivery(name);
  }
  if (!box) {
    opened.error = box.error();
  } else if (!*box) {
    opened.error = permanent(format("Mailbox doesn't exist: {}", base::printable(name, true)));
  } else {
    opened.box = std::move(*box);
  }
  co_return opened;
}

}  // namespace

std::string delivery_log_line(const std::string& deliver_log_format, const DeliveryFacts& facts) {
  auto shown = [](const std::string& text) { return base::printable(text, true); };
  conf::dovecot::Variables variables;
  variables.table = {
      {'$', "", facts.status},
      {'m', "msgid", facts.message_id.empty() ? "unspecified" : shown(facts.message_id)},
      {'s', "subject", shown(facts.subject)},
      {'f', "from", shown(facts.from)},
      {'e', "from_envelope", shown(facts.sender)},
      {'p', "size", std::to_string(facts.size)},
      {'w', "vsize", std::to_string(facts.size)},
  };
  return conf::dovecot::expand_variables(deliver_log_format, variables).text;
}

std::string delivery_obstacle(const MailUser& user) {
  auto plugins = user.view->get("mail_plugins");
  if (names_plugin(plugins, "mail_crypt")) return "mail_plugins: mail_crypt is not supported yet";
  if (names_plugin(plugins, "quota") && !user.view->plugin("quota").value_or("").empty())
    return "mail_plugins: quota is not supported yet";
  if (!names_plugin(plugins, "sieve")) return {};
  auto script = active_sieve_script(user);
  return script.empty()
             ? std::string()
             : format("mail_plugins: sieve is not supported yet, and there is {}", script);
}

Task<DeliveryAnswer> save_delivery(Store& store, const MailUser& user, Delivery delivery, int fd,
                                   Logger log) {
  DeliveryAnswer answer;
  auto facts = delivery_facts(delivery, fd);
  auto log_format = user.view->get("deliver_log_format");
  auto obstacle = delivery_obstacle(user);
  if (!obstacle.empty()) {
    answer.text = obstacle;
    log.error("{}: deferred", obstacle);
    co_return answer;
  }
  bool inbox = delivery.mailbox.empty() || base::iequals(delivery.mailbox, "INBOX");
  std::string name = inbox ? "INBOX" : delivery.mailbox;
  auto target = co_await open_target(store, user, name);
  if (!target.box) {
    facts.status = format("save failed to open mailbox {}: {}", base::printable(name, true),
                          target.error.text);
    log.info("{}", delivery_log_line(log_format, facts));
    // Better in the wrong folder than sent back.
    name = "INBOX";
    if (!inbox) target = co_await open_target(store, user, name);
  }
  if (!target.box) {
    answer.text = target.error.text;
    if (target.error.fault == base::Fault::permanent) answer.status = Status::permanent;
    co_return answer;
  }
  SaveOptions options;
  auto saved = co_await target.box->deliver(std::move(delivery.prefix), fd, delivery.offset,
                                            std::move(options));
  auto shown = base::printable(name, true);
  if (saved) {
    answer.status = Status::stored;
    facts.status = format("saved mail to {}", shown);
  } else {
    answer.text = saved.error().text;
    answer.status =
        saved.error().fault == base::Fault::permanent ? Status::permanent : Status::not_written;
    facts.status = format("save failed to {}: {}", shown, answer.text);
  }
  log.info("{}", delivery_log_line(log_format, facts));
  co_return answer;
}

}  // namespace dovetail::mda
