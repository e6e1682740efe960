// SPDX-License-Identifier: Apache-2.0
#include "lookup/remote/endpoint.h"

#include <netdb.h>

#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

// A port, or a name from /etc/services.
std::optional<uint16_t> port_of_service(const std::string& service) {
  if (auto number = base::parse_number<uint16_t>(service)) return number;
  char space[1024];
  servent entry{};
  servent* found = nullptr;
  int error = getservbyname_r(service.c_str(), "tcp", &entry, space, sizeof space, &found);
  if (error || !found) return std::nullopt;
  return ntohs(static_cast<uint16_t>(found->s_port));
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view service) {
  auto [transport, rest] = base::cut(service, ':');
  if (!rest || rest->empty()) {
    return config_error(format("need service transport:endpoint instead of \"{}\"", service));
  }
  if (transport == "inet") return parse_inet(*rest);
  if (transport != "unix" && transport != "local") {
    return config_error(format("invalid transport name: {} in service: {}", transport, service));
  }
  Endpoint endpoint;
  endpoint.where = endpoint.path = *rest;
  return endpoint;
}

Result<Endpoint> Endpoint::parse_inet(std::string_view address) {
  Endpoint endpoint;
  endpoint.where = address;
  std::string_view host = "localhost", service = address;
  bool bracketed = address.starts_with('[');
  auto end = bracketed ? address.find("]:") : address.rfind(':');
  if (end != std::string_view::npos) {
    host = address.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
    service = address.substr(end + (bracketed ? 2 : 1));
  }
  if (service.empty()) return config_error(format("{}: missing service information", address));
  bool number = base::is_digit(service.front());
  if (number && !base::parse_number<uint16_t>(service))
    return config_error(format("{}: garbage after numerical service", address));
  endpoint.host = host.empty() ? "localhost" : host;
  endpoint.service = service;
  return endpoint;
}

bool Endpoint::needs_resolver() const {
  return path.empty() && !SockAddr::ip(host, 0);
}

Task<Result<std::vector<SockAddr>>> Endpoint::addresses(net::Resolver* resolver) const {
  std::vector<SockAddr> all;
  if (!path.empty()) {
    auto address = SockAddr::unix_path(path);
    if (!address) co_return temporary("File name too long");
    all.push_back(*address);
    co_return all;
  }
  auto port = port_of_service(service);
  if (!port) co_return temporary("Servname not supported for ai_socktype");
  if (auto address = SockAddr::ip(host, *port)) {
    all.push_back(*address);
    co_return all;
  }
  if (!resolver) co_return temporary("Temporary failure in name resolution");
  auto answer = co_await resolver->host_addresses(host, true, true);
  if (answer.records.empty()) {
    bool unknown = answer.status != net::DnsStatus::temporary;
    co_return temporary(unknown ? "Name or service not known"
                                : "Temporary failure in name resolution");
  }
  for (auto& address : answer.records) all.push_back(address.with_port(*port));
  co_return all;
}

}  // namespace dovetail::lookup
