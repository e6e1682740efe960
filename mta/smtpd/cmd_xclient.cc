// XCLIENT: an authorised proxy or test says who the client really is; the session begins anew as that client.
// XFORWARD: a filter says whose mail it hands on; only logs and the queue file change.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/dsn.h"
#include "mta/smtpd/commands.h"
#include "mta/smtpd/names.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

constexpr std::string_view kUnavailable = "[UNAVAILABLE]";
constexpr std::string_view kTempUnavailable = "[TEMPUNAVAIL]";

struct AttributeWord {
  std::string name, value;
};

// NAME=value, the value in xtext. An Error's text stands in the reply.
Result<AttributeWord> parse_attribute(std::string_view word) {
  auto [name, value] = base::cut(word, '=');
  if (!value) return permanent("Error: attribute=value expected");
  auto text = mail::decode_xtext(*value);
  if (!text || !base::is_utf8(*text))
    return permanent(format("Error: bad {} value", base::printable(name.substr(0, 40))));
  return AttributeWord{base::upper(name), base::printable(*text, true)};
}

bool is_unknown(std::string_view value) {
  return base::iequals(value, kUnavailable) || base::iequals(value, kTempUnavailable);
}

NameStatus status_of(std::string_view value) {
  if (base::iequals(value, kUnavailable)) return NameStatus::permanent;
  if (base::iequals(value, kTempUnavailable)) return NameStatus::temporary;
  return NameStatus::ok;
}

std::string bare_address(std::string_view value) {
  return std::string(base::istarts_with(value, "IPv6:") ? value.substr(5) : value);
}

Result<void> set_address(Client& client, std::string_view value) {
  if (is_unknown(value)) {
    client.address = "unknown";
    client.family = 0;
    return {};
  }
  auto address = bare_address(value);
  if (!is_host_address(address)) return permanent(format("Bad ADDR syntax: {}", value));
  client.address = address;
  client.family = address.find(':') == address.npos ? AF_INET : AF_INET6;
  return {};
}

Result<void> set_name(Client& client, std::string_view value) {
  client.name_status = status_of(value);
  if (client.name_status != NameStatus::ok) {
    client.name = "unknown";
    return {};
  }
  if (!is_hostname(value)) return permanent(format("Bad NAME syntax: {}", value));
  client.name = value;
  // A name implies its reverse, unless REVERSE_NAME says otherwise.
  client.reverse_name = value;
  client.reverse_status = NameStatus::ok;
  return {};
}

Result<void> set_reverse_name(Client& client, std::string_view value) {
  client.reverse_status = status_of(value);
  if (client.reverse_status != NameStatus::ok) {
    client.reverse_name = "unknown";
    return {};
  }
  if (!is_hostname(value)) return permanent(format("Bad REVERSE_NAME syntax: {}", value));
  client.reverse_name = value;
  return {};
}

Result<std::string> parse_port(std::string_view name, std::string_view value) {
  if (is_unknown(value)) return std::string();
  auto port = base::parse_number<uint16_t>(value);
  if (!port) return permanent(format("Bad {} syntax: {}", name, value));
  return std::string(value);
}

Result<std::string> parse_protocol(std::string_view value) {
  if (!base::iequals(value, "SMTP") && !base::iequals(value, "ESMTP"))
    return permanent(format("Bad PROTO syntax: {}", value));
  return base::upper(value);
}

// What a successful XCLIENT will make of the session.
struct XclientState {
  Client client;
  std::string server_address, server_port, login;
  std::optional<std::string> helo, protocol;
};

Result<void> set_port(std::string& to, std::string_view name, std::string_view value) {
  auto port = parse_port(name, value);
  if (!port) return port.error();
  to = *port;
  return {};
}

Result<void> set_xclient(XclientState& to, const AttributeWord& word) {
  auto& [name, value] = word;
  if (name == "NAME") return set_name(to.client, value);
  if (name == "ADDR") return set_address(to.client, value);
  if (name == "REVERSE_NAME") return set_reverse_name(to.client, value);
  if (name == "PORT") return set_port(to.client.port, name, value);
  if (name == "DESTPORT") return set_port(to.server_port, name, value);
  if (name == "LOGIN") {
    to.login = is_unknown(value) ? "" : value;
    return {};
  }
  if (name == "HELO") {
    if (is_unknown(value))
      to.helo.reset();
    else
      to.helo = value;
    return {};
  }
  if (name == "PROTO") {
    auto protocol = parse_protocol(value);
    if (!protocol) return protocol.error();
    to.protocol = *protocol;
    return {};
  }
  if (name == "DESTADDR") {
    auto address = bare_address(value);
    if (!is_unknown(value) && !is_host_address(address))
      return permanent(format("Bad DESTADDR syntax: {}", value));
    to.server_address = is_unknown(value) ? "" : address;
    return {};
  }
  return permanent(format("Bad XCLIENT attribute name: {}", name));
}

Result<void> set_xforward(Forwarded& to, const AttributeWord& word) {
  auto& [name, value] = word;
  if (name == "NAME") return set_name(to.client, value);
  if (name == "ADDR") return set_address(to.client, value);
  if (name == "PORT") return set_port(to.client.port, name, value);
  if (name == "HELO" || name == "PROTO" || name == "IDENT") {
    auto& field = name == "HELO" ? to.helo : name == "PROTO" ? to.protocol : to.ident;
    field = is_unknown(value) ? "" : value;
    return {};
  }
  if (name == "SOURCE") {
    to.local = base::iequals(value, "LOCAL");
    if (!to.local && !base::iequals(value, "REMOTE") && !is_unknown(value))
      return permanent("Bad SOURCE syntax: " + value);
    return {};
  }
  return permanent(format("Bad XFORWARD attribute name: {}", name));
}

template <class State>
Result<void> set_all(State& state, std::string_view arguments,
                     Result<void> (*set)(State&, const AttributeWord&)) {
  for (auto word : base::words(arguments)) {
    auto attribute = parse_attribute(word);
    if (!attribute) return attribute.error();
    auto done = set(state, *attribute);
    if (!done) return done.error();
  }
  return {};
}

}  // namespace

Task<Answer> cmd_xclient(Session& s, std::string_view arguments) {
  if (s.in_transaction()) co_return Reply{503, "5.5.1", "Error: MAIL transaction in progress"};
  if (arguments.empty()) co_return Reply{501, "5.5.4", "Syntax: XCLIENT attribute=value..."};
  if (!s.may_xclient) co_return Reply{550, "5.7.0", "Error: insufficient authorization"};
  XclientState state{s.client, s.server_address, s.server_port, "", {}, {}};
  auto done = set_all(state, arguments, set_xclient);
  if (!done) co_return Reply{501, "5.5.4", done.error().text};
  s.client = state.client;
  s.server_address = state.server_address;
  s.server_port = state.server_port;
  s.forget_helo();
  if (!state.login.empty()) {
    s.sasl.method = "XCLIENT";
    s.sasl.username = state.login;
  }
  s.helo = state.helo;
  s.protocol = state.protocol.value_or("SMTP");
  s.restart();
  co_return Answer::nothing();
}

Task<Answer> cmd_xforward(Session& s, std::string_view arguments) {
  if (s.in_transaction()) co_return Reply{503, "5.5.1", "Error: MAIL transaction in progress"};
  if (arguments.empty()) co_return Reply{501, "5.5.4", "Syntax: XFORWARD attribute=value..."};
  if (!s.may_xforward) co_return Reply{550, "5.7.0", "Error: insufficient authorization"};
  Forwarded state = s.forwarded;
  auto done = set_all(state, arguments, set_xforward);
  if (!done) co_return Reply{501, "5.5.4", done.error().text};
  s.forwarded = std::move(state);
  s.forwarded.given = true;
  co_return Reply{250, "2.0.0", "Ok"};
}

}  // namespace dovetail::mta::smtpd
