// SPDX-License-Identifier: Apache-2.0
#include "mta/local/local.h"

#include <pwd.h>

#include <cerrno>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "lookup/mail_addr_find.h"

namespace dovetail::mta {

Result<std::optional<SystemUser>> find_system_user(const std::string& name) {
  if (name.empty() || name.find('/') != name.npos) return std::optional<SystemUser>();
  std::string buffer(16384, '\0');
  passwd entry{};
  passwd* found = nullptr;
  int code = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (!found && code != 0 && code != ENOENT && code != ESRCH)
    return errno_error("user lookup error for " + name, code);
  if (!found) return std::optional<SystemUser>();
  return std::optional(
      SystemUser{found->pw_name, found->pw_dir, found->pw_shell, found->pw_uid, found->pw_gid});
}

Result<void> LocalRole::prepare_agent(service::Context& context) {
  context_ = &context;
  auto& cf = *context.main_cf;
  auto parameters = read_local_parameters(cf);
  if (!parameters) return parameters.error();
  parameters_ = std::move(*parameters);
  auto nobody = find_system_user(parameters_.default_privs);
  if (!nobody) return nobody.error();
  if (!*nobody)
    return config_error(format("default_privs: unknown user: {}", parameters_.default_privs));
  default_user_ = **nobody;
  if (default_user_.uid == 0 || default_user_.gid == 0)
    return config_error("default_privs: user root has privileged rights");
  // Aliases decide whose rights a command gets: nothing of a key or of a third process may come into their results.
  lookup::OpenOptions safe{context.log};
  safe.no_substitution = safe.no_proxy = safe.surrogate = true;
  struct MapRow {
    std::string_view title;
    const std::string& value;
    lookup::Maps& to;
  };
  const MapRow rows[] = {
      {"alias_maps", parameters_.alias_maps, aliases_},
      {"mailbox_transport_maps", parameters_.mailbox_transport_maps, mailbox_transports_},
      {"fallback_transport_maps", parameters_.fallback_transport_maps, fallback_transports_},
      {"mailbox_command_maps", parameters_.mailbox_command_maps, mailbox_commands_},
  };
  for (auto& row : rows) {
    auto maps = lookup::Maps::open(context.loop, cf, row.title, row.value, safe);
    if (!maps) return maps.error();
    row.to = std::move(*maps);
  }
  auto checked = workshop().mailbox_job("mailbox_delivery_lock", 0);
  if (!checked) return checked.error();
  rewrite_ = std::make_unique<RewriteClient>(
      context.loop, "private/" + parameters_.rewrite_service_name, context.log);
  return {};
}

Task<> LocalRole::deliver(service::Context&, Delivery& delivery) {
  int fd = delivery.fd();
  auto size = delivery.size();
  auto job = [fd, size] { return delivered_addresses(fd, size); };
  auto before = co_await disk().run(job);
  if (!before) {
    Outcome unreadable;
    unreadable.relay = "local";
    unreadable.dsn = {"4.3.0", before.error().text};
    co_await delivery.finish_all(unreadable);
    co_return;
  }
  for (size_t i = 0; i < delivery.recipients().size(); ++i)
    co_await deliver_recipient(delivery, i, *before);
}

LocalRole::Name LocalRole::split(const std::string& address) const {
  auto [local, domain] = mail::split_address(address);
  Name name;
  name.local = base::lower(local);
  name.domain = base::lower(domain.value_or(""));
  auto parts = lookup::split_extension(name.local, parameters_.recipient_delimiter);
  name.user = parts.user;
  if (!parts.extension.empty()) name.extension = parts.extension.substr(1);
  return name;
}

}  // namespace dovetail::mta
