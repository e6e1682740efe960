// Answers of a View: by name, by type, and the blocks as structs.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/log.h"
#include "common/base/text.h"
#include "conf/dovecot/schema.h"
#include "conf/dovecot/settings.h"
#include "conf/dovecot/values.h"

namespace dovetail::conf::dovecot {

namespace {

// Reads the fields of one block: field("mode") is PREFIX/mode.
class BlockReader {
 public:
  BlockReader(const View& view, std::string prefix)
      : view_(view), prefix_(std::move(prefix) + "/") {}

  std::string text(std::string_view key) const { return view_.get(prefix_ + std::string(key)); }
  bool flag(std::string_view key) const { return view_.get_bool(prefix_ + std::string(key)); }
  unsigned number(std::string_view key) const {
    return static_cast<unsigned>(view_.get_number(prefix_ + std::string(key)));
  }
  std::uint64_t size(std::string_view key) const {
    return view_.get_size(prefix_ + std::string(key));
  }
  std::chrono::seconds seconds(std::string_view key) const {
    return std::chrono::duration_cast<std::chrono::seconds>(
        view_.get_time(prefix_ + std::string(key)));
  }
  bool is_set(std::string_view key) const { return view_.is_set(prefix_ + std::string(key)); }
  std::vector<std::string> names(std::string_view list) const {
    return view_.names(prefix_ + std::string(list));
  }
  BlockReader inner(std::string_view list, std::string_view name) const {
    return BlockReader(view_, format("{}{}/{}", prefix_, list, name));
  }

 private:
  const View& view_;
  std::string prefix_;
};

UnixListener read_unix_listener(const BlockReader& block, std::string_view name) {
  UnixListener listener;
  listener.path = block.is_set("path") ? block.text("path") : unescape_name(name);
  listener.mode = block.number("mode");
  listener.user = block.text("user");
  listener.group = block.text("group");
  return listener;
}

InetListener read_inet_listener(const BlockReader& block, std::string_view name) {
  InetListener listener;
  listener.name = unescape_name(name);
  listener.address = block.text("address");
  listener.port = static_cast<std::uint16_t>(block.number("port"));
  listener.ssl = block.flag("ssl");
  listener.reuse_port = block.flag("reuse_port");
  listener.haproxy = block.flag("haproxy");
  return listener;
}

Service read_service(const BlockReader& block, std::string_view name) {
  Service service;
  service.name = unescape_name(name);
  service.protocol = block.text("protocol");
  service.type = block.text("type");
  service.executable = block.text("executable");
  service.user = block.text("user");
  service.group = block.text("group");
  service.privileged_group = block.text("privileged_group");
  service.extra_groups = block.text("extra_groups");
  service.chroot = block.text("chroot");
  service.drop_priv_before_exec = block.flag("drop_priv_before_exec");
  service.process_min_avail = block.number("process_min_avail");
  service.process_limit = block.number("process_limit");
  service.client_limit = block.number("client_limit");
  service.service_count = block.number("service_count");
  service.service_count_set = block.is_set("service_count");
  service.process_limit_set = block.is_set("process_limit");
  service.client_limit_set = block.is_set("client_limit");
  service.idle_kill = block.seconds("idle_kill");
  service.vsz_limit = block.size("vsz_limit");
  for (auto& listener : block.names("unix_listener")) {
    service.unix_listeners.push_back(
        read_unix_listener(block.inner("unix_listener", listener), listener));
  }
  for (auto& listener : block.names("fifo_listener")) {
    service.fifo_listeners.push_back(
        read_unix_listener(block.inner("fifo_listener", listener), listener));
  }
  for (auto& listener : block.names("inet_listener")) {
    service.inet_listeners.push_back(
        read_inet_listener(block.inner("inet_listener", listener), listener));
  }
  return service;
}

Namespace read_namespace(const BlockReader& block, std::string_view name) {
  Namespace made;
  made.name = unescape_name(name);
  made.type = block.text("type");
  made.separator = block.text("separator");
  made.prefix = block.text("prefix");
  made.location = block.text("location");
  made.alias_for = block.text("alias_for");
  made.list = block.text("list");
  made.order = block.number("order");
  made.inbox = block.flag("inbox");
  made.hidden = block.flag("hidden");
  made.subscriptions = block.flag("subscriptions");
  made.ignore_on_failure = block.flag("ignore_on_failure");
  made.disabled = block.flag("disabled");
  for (auto& mailbox : block.names("mailbox")) {
    auto inner = block.inner("mailbox", mailbox);
    Mailbox box;
    box.name = inner.is_set("name") ? inner.text("name") : unescape_name(mailbox);
    box.autocreate = inner.text("auto");
    box.special_use = inner.text("special_use");
    box.driver = inner.text("driver");
    box.comment = inner.text("comment");
    box.autoexpunge = inner.seconds("autoexpunge");
    box.autoexpunge_max_mails = inner.number("autoexpunge_max_mails");
    made.mailboxes.push_back(std::move(box));
  }
  return made;
}

StringMap map_elements(const View& view, const StringMap& order, std::string_view map) {
  StringMap found;
  auto prefix = format("{}/", map);
  for (auto& [path, unused] : order) {
    if (path.compare(0, prefix.size(), prefix) == 0)
      found.emplace_back(path.substr(prefix.size()), view.get(path));
  }
  return found;
}

}  // namespace

std::string View::get(std::string_view key) const {
  auto found = values_.find(key);
  if (found != values_.end()) return found->second;
  auto place = place_of(key);
  if (place && place->map_element) return {};
  if (!place || !place->row) base::panic(Logger("config"), format("no such setting: {}", key));
  auto name = resolve_alias(place->block, place->row->name);
  if (place->block.empty() && name != key) return get(name);
  std::string_view value = default_of(place->block, *place->row);
  if (auto builtin = builtin_value(key)) value = *builtin;
  if (!raw_ && value.size() > 1 && value[0] == '$') return get(value.substr(1));
  return std::string(value);
}

bool View::get_bool(std::string_view key) const {
  return parse_bool(get(key)).value_or(false);
}

std::uint64_t View::get_number(std::string_view key) const {
  return parse_octal(get(key)).value_or(0);
}

std::uint64_t View::get_size(std::string_view key) const {
  auto text = get(key);
  return text.empty() ? 0 : parse_size(text).value_or(0);
}

std::chrono::milliseconds View::get_time(std::string_view key) const {
  return parse_time(get(key), true).value_or(std::chrono::milliseconds(0));
}

Secret View::get_secret(std::string_view key) const {
  return Secret(get(key));
}

bool View::is_set(std::string_view key) const {
  return values_.find(key) != values_.end();
}

std::vector<std::string> View::names(std::string_view list) const {
  auto found = lists_.find(list);
  return found == lists_.end() ? std::vector<std::string>() : found->second;
}

bool View::any_set_below(std::string_view prefix) const {
  auto first = values_.lower_bound(prefix);
  return first != values_.end() && first->first.compare(0, prefix.size(), prefix) == 0;
}

bool View::has_block(std::string_view list) const {
  return lists_.find(list) != lists_.end();
}

std::vector<Service> View::services() const {
  std::vector<Service> all;
  for (auto& name : names("service"))
    all.push_back(read_service(BlockReader(*this, "service/" + name), name));
  return all;
}

std::optional<Service> View::service(std::string_view name) const {
  auto escaped = escape_name(name);
  auto all = names("service");
  if (std::find(all.begin(), all.end(), escaped) == all.end()) return std::nullopt;
  return read_service(BlockReader(*this, "service/" + escaped), escaped);
}

bool View::wanted(const Service& service) const {
  if (service.protocol.empty()) return true;
  auto text = get("protocols");
  auto protocols = base::words(text, " ,");
  return std::find(protocols.begin(), protocols.end(), service.protocol) != protocols.end();
}

std::vector<Passdb> View::passdbs() const {
  std::vector<Passdb> all;
  for (auto& name : names("passdb")) {
    BlockReader block(*this, "passdb/" + name);
    Passdb made;
    made.name = block.text("name");
    made.driver = block.text("driver");
    made.args = block.text("args");
    made.default_fields = block.text("default_fields");
    made.override_fields = block.text("override_fields");
    made.mechanisms = block.text("mechanisms");
    made.username_filter = block.text("username_filter");
    made.skip = block.text("skip");
    made.result_success = block.text("result_success");
    made.result_failure = block.text("result_failure");
    made.result_internalfail = block.text("result_internalfail");
    made.auth_verbose = block.text("auth_verbose");
    made.deny = block.flag("deny");
    made.pass = block.flag("pass");
    made.master = block.flag("master");
    all.push_back(std::move(made));
  }
  return all;
}

std::vector<Userdb> View::userdbs() const {
  std::vector<Userdb> all;
  for (auto& name : names("userdb")) {
    BlockReader block(*this, "userdb/" + name);
    Userdb made;
    made.name = block.text("name");
    made.driver = block.text("driver");
    made.args = block.text("args");
    made.default_fields = block.text("default_fields");
    made.override_fields = block.text("override_fields");
    made.skip = block.text("skip");
    made.result_success = block.text("result_success");
    made.result_failure = block.text("result_failure");
    made.result_internalfail = block.text("result_internalfail");
    made.auth_verbose = block.text("auth_verbose");
    all.push_back(std::move(made));
  }
  return all;
}

std::vector<Namespace> View::namespaces() const {
  std::vector<Namespace> all;
  for (auto& name : names("namespace"))
    all.push_back(read_namespace(BlockReader(*this, "namespace/" + name), name));
  return all;
}

StringMap View::plugins() const {
  return map_elements(*this, map_order_, "plugin");
}

std::optional<std::string> View::plugin(std::string_view key) const {
  auto found = values_.find(format("plugin/{}", key));
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

StringMap View::dicts() const {
  return map_elements(*this, map_order_, "dict");
}

Result<std::shared_ptr<const View>> View::with(const std::vector<Override>& overrides) const {
  auto made = std::make_shared<View>(*this);
  for (auto& override : overrides) {
    auto path = override.key;
    if (path.find('/') == std::string::npos) path = resolve_alias("", path);
    auto place = place_of(path);
    bool usable =
        place && (place->map_element || (place->row && place->row->type < Type::named_list));
    if (!usable) {
      path = "plugin/" + override.key;
      place = place_of(path);
      if (!place) return config_error(format("Unknown setting: {}", override.key));
    }
    auto value = override.value;
    if (place->row) {
      auto checked = canonical_value(place->row->type, place->row->choices, value);
      if (!checked)
        return config_error(
            format("Invalid value for setting {}: {}", override.key, checked.error().text));
      value = *checked;
    }
    if (place->map_element && !made->is_set(path))
      made->map_order_.emplace_back(path, std::string());
    auto parts = path_parts(path);
    std::string list(parts[0]);
    for (std::size_t at = 1; !place->map_element && at + 1 < parts.size(); at += 2) {
      auto& names = made->lists_[list];
      if (std::find(names.begin(), names.end(), parts[at]) == names.end())
        names.emplace_back(parts[at]);
      list += format("/{}/{}", parts[at], parts[at + 1]);
    }
    made->values_[path] = std::move(value);
  }
  std::shared_ptr<const View> done = std::move(made);
  return done;
}

}  // namespace dovetail::conf::dovecot
