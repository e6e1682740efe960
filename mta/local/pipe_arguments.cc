// SPDX-License-Identifier: Apache-2.0
#include "mta/local/pipe_arguments.h"

#include "common/base/text.h"
#include "common/mail/address.h"
#include "conf/expand.h"
#include "conf/units.h"
#include "lookup/mail_addr_find.h"

namespace dovetail::mta {

namespace {

constexpr std::string_view kPipeFlags = "BDFORX.>hqu";
constexpr std::string_view kRecipientMacros[] = {
    "domain", "extension", "mailbox", "original_recipient", "recipient", "user"};

// eol=\r\n as it is written in C.
std::string unescape_eol(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    char c = text[++at];
    out += c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
  }
  return out;
}

bool mentions_recipient(std::string_view argument) {
  bool found = false;
  auto seen = [&](std::string_view name) {
    for (auto macro : kRecipientMacros) found |= name == macro;
  };
  auto scanned = conf::scan_names(argument, seen);
  return scanned && found;
}

std::map<std::string, std::string, std::less<>> request_macros(const PipeService& service,
                                                               const PipeRequest& request) {
  auto& envelope = *request.envelope;
  auto& client = envelope.log_client;
  auto sender =
      envelope.sender.empty() ? service.null_sender : pipe_address(service, envelope.sender, false);
  return {
      {"client_address", client.address},
      {"client_helo", client.helo},
      {"client_hostname", client.name},
      {"client_port", client.port},
      {"client_protocol", client.protocol},
      {"envid", envelope.dsn_envid},
      {"nexthop", request.nexthop},
      {"queue_id", request.queue_id},
      {"sasl_method", envelope.sasl_method},
      {"sasl_sender", envelope.sasl_sender},
      {"sasl_username", envelope.sasl_username},
      {"sender", sender},
      {"size", std::to_string(request.size)},
  };
}

void add_recipient_macros(std::map<std::string, std::string, std::less<>>& macros,
                          const PipeService& service, const PipeRequest& request,
                          const mail::Recipient& rcpt) {
  auto [local, domain] = mail::split_address(rcpt.address);
  std::string local_part = service.has('u') ? base::lower(local) : std::string(local);
  auto parts = lookup::split_extension(local_part, request.recipient_delimiter);
  macros["recipient"] = pipe_address(service, rcpt.address, true);
  macros["original_recipient"] =
      pipe_address(service, rcpt.orig_rcpt.empty() ? rcpt.address : rcpt.orig_rcpt, true);
  macros["mailbox"] = local_part;
  macros["user"] = parts.user;
  macros["extension"] = parts.extension.empty() ? "" : std::string(parts.extension.substr(1));
  macros["domain"] =
      service.has('h') ? base::lower(domain.value_or("")) : std::string(domain.value_or(""));
}

Result<std::string> expand_pipe_argument(
    const std::string& argument, const std::map<std::string, std::string, std::less<>>& macros) {
  conf::ExpandOptions options;
  options.recursive = false;
  auto value = [&](std::string_view name, bool) -> std::optional<std::string> {
    auto found = macros.find(name);
    return found == macros.end() ? std::nullopt : std::optional(found->second);
  };
  auto done = conf::expand(argument, value, options);
  if (!done) return done.error();
  if (!done->undefined.empty())
    return config_error("unknown macro name: " + done->undefined.front());
  return done->text;
}

Result<void> take_pipe_word(PipeService& service, std::string_view key, const std::string& value) {
  if (key == "flags") {
    service.flags = value;
    for (char c : value) {
      if (kPipeFlags.find(c) == kPipeFlags.npos) return config_error(format("unknown flag: {}", c));
    }
  } else if (key == "user") {
    auto [user, group] = base::cut(value, ':');
    service.user = user;
    service.group = group.value_or("");
  } else if (key == "directory") {
    service.directory = value;
  } else if (key == "chroot") {
    return config_error("chroot= is not supported yet");
  } else if (key == "null_sender") {
    service.null_sender = value;
  } else if (key == "eol") {
    service.eol = unescape_eol(value);
  } else if (key == "size") {
    auto number = base::parse_number<int64_t>(value);
    if (!number || *number < 0) return config_error("size: bad value: " + value);
    service.size_limit = *number;
  } else {
    return config_error(format("unknown attribute name: {}", key));
  }
  return {};
}

}  // namespace

Result<PipeService> parse_pipe_service(const std::vector<std::string>& words) {
  PipeService service;
  for (size_t i = 0; i < words.size(); ++i) {
    // "{ flags = value }" is one word with blanks.
    auto word = words[i].starts_with('{') ? conf::braced_text(words[i]) : words[i];
    auto pair = conf::split_name_value(word);
    if (!pair) return config_error(pair.error().text);
    if (pair->name == "argv") {
      service.argv.push_back(pair->value);
      for (size_t rest = i + 1; rest < words.size(); ++rest) {
        service.argv.push_back(words[rest].starts_with('{') ? conf::braced_text(words[rest])
                                                            : words[rest]);
      }
      break;
    }
    auto taken = take_pipe_word(service, pair->name, pair->value);
    if (!taken) return taken.error();
  }
  if (service.user.empty()) return config_error("missing user= command-line attribute");
  if (service.argv.empty() || service.argv[0].empty())
    return config_error("missing argv= command-line attribute");
  return service;
}

std::string pipe_address(const PipeService& service, std::string_view internal, bool recipient) {
  auto [local, domain] = mail::split_address(internal);
  std::string left = recipient && service.has('u') ? base::lower(local) : std::string(local);
  if (service.has('q')) left = mail::quote_local_part(left);
  if (!domain) return left;
  return left + "@" + (recipient && service.has('h') ? base::lower(*domain) : std::string(*domain));
}

Result<std::vector<std::string>> expand_pipe_arguments(
    const PipeService& service, const PipeRequest& request,
    const std::vector<mail::Recipient>& recipients) {
  std::vector<std::string> out;
  auto macros = request_macros(service, request);
  for (auto& argument : service.argv) {
    size_t times = mentions_recipient(argument) ? recipients.size() : 1;
    for (size_t i = 0; i < times; ++i) {
      if (!recipients.empty()) add_recipient_macros(macros, service, request, recipients[i]);
      auto text = expand_pipe_argument(argument, macros);
      if (!text) return text.error();
      out.push_back(std::move(*text));
    }
  }
  return out;
}

}  // namespace dovetail::mta
