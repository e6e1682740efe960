// SPDX-License-Identifier: Apache-2.0
#include "mta/proxymap/proxymap.h"

#include "common/base/text.h"
#include "conf/units.h"
#include "lookup/proxy_wire.h"

namespace dovetail::mta {

namespace wire = lookup::proxy_wire;

namespace {

constexpr std::string_view kProxyPrefix = "proxy:";
constexpr size_t kLongestRequest = 102400;

proto::Attributes only_status(int status) {
  proto::Attributes answer;
  answer.add_number("status", status);
  return answer;
}

// A failed lookup: of now, or of the configuration.
int status_of(const Error& error) {
  return error.fault == Fault::config ? wire::config : wire::retry;
}

}  // namespace

std::set<std::string, std::less<>> approved_tables(std::string_view list) {
  std::set<std::string, std::less<>> out;
  for (auto& word : conf::split_list(list)) {
    auto brace = word.find(":{");
    bool nested =
        brace != word.npos && (word.starts_with("unionmap:") || word.starts_with("pipemap:"));
    if (nested) {
      auto inner = conf::unbrace(std::string_view(word).substr(brace + 1));
      if (inner) out.merge(approved_tables(*inner));
      continue;
    }
    std::string_view name = word;
    if (!name.starts_with(kProxyPrefix)) continue;
    while (name.starts_with(kProxyPrefix)) name.remove_prefix(kProxyPrefix.size());
    out.emplace(name);
  }
  return out;
}

Result<void> ProxymapRole::prepare(service::Context& context) {
  loop_ = &context.loop;
  main_cf_ = context.main_cf;
  log_ = context.log;
  writes_ = context.service == main_cf_->get("proxywrite_service_name");
  list_ = writes_ ? "proxy_write_maps" : "proxy_read_maps";
  approved_ = approved_tables(main_cf_->get(list_));
  return {};
}

bool ProxymapRole::approved(std::string_view table) const {
  if (approved_.contains(table)) return true;
  log_.warning("request for unapproved table: \"{}\"", base::printable(table));
  log_.warning("to approve this table for {} access, list {}{} in main.cf:{}",
               writes_ ? "read-write" : "read-only", kProxyPrefix, base::printable(table), list_);
  return false;
}

std::shared_ptr<lookup::Table> ProxymapRole::reader(const std::string& table, int flags,
                                                    int& status) {
  if (!approved(table)) {
    status = wire::denied;
    return nullptr;
  }
  auto& known = readers_[format("{}:{}", flags & wire::kNoSubstitution, table)];
  // Tables made from a text are read anew when it was edited; who is asking the old one keeps it until he has his answer.
  if (known && known->changed()) known.reset();
  if (!known) {
    lookup::OpenOptions options{log_};
    options.no_substitution = flags & wire::kNoSubstitution;
    auto opened = lookup::open_table(*loop_, *main_cf_, table, options);
    if (!opened) {
      log_.warning("{}", opened.error().text);
      status = wire::config;
      return nullptr;
    }
    known = std::move(*opened);
  }
  return known;
}

lookup::Store* ProxymapRole::writer(const std::string& table, int& status) {
  if (!writes_ || !approved(table)) {
    status = wire::denied;
    return nullptr;
  }
  auto& known = writers_[table];
  if (!known) {
    auto opened =
        lookup::Store::open(*loop_, table, static_cast<uid_t>(-1), static_cast<gid_t>(-1));
    if (!opened) {
      log_.warning("{}", opened.error().text);
      status = wire::config;
      return nullptr;
    }
    known = std::move(*opened);
  }
  return known.get();
}

proto::Attributes ProxymapRole::open(const proto::Attributes& request) {
  std::string table(request.get("table"));
  auto flags = static_cast<int>(request.get_number("flags"));
  int status = wire::ok;
  if (writes_) {
    if (writer(table, status)) flags |= wire::kFixed;
  } else if (auto opened = reader(table, flags, status)) {
    flags |= opened->keys() == lookup::Keys::pattern ? wire::kPattern : wire::kFixed;
  }
  proto::Attributes answer;
  answer.add_number("status", status).add_number("flags", flags);
  return answer;
}

Task<proto::Attributes> ProxymapRole::look_up(const proto::Attributes& request) {
  std::string table(request.get("table")), key(request.get("key"));
  int status = wire::ok;
  Result<lookup::Found> found = lookup::Found();
  if (writes_) {
    auto* store = writer(table, status);
    if (store) found = co_await store->find(key);
  } else {
    auto opened = reader(table, static_cast<int>(request.get_number("flags")), status);
    if (opened) found = co_await opened->lookup(key);
  }
  proto::Attributes answer;
  if (status == wire::ok && !found) {
    log_.warning("{} lookup error for \"{}\"", table,
                 base::printable(std::string_view(key).substr(0, 100), true));
    status = status_of(found.error());
  } else if (status == wire::ok && !*found) {
    status = wire::no_key;
  }
  answer.add_number("status", status).add("value", status == wire::ok ? **found : "");
  co_return answer;
}

Task<proto::Attributes> ProxymapRole::change(const proto::Attributes& request, bool remove) {
  std::string table(request.get("table")), key(request.get("key")), value(request.get("value"));
  int status = wire::ok;
  auto* store = writer(table, status);
  if (!store) co_return only_status(status);
  if (remove) {
    auto removed = co_await store->remove(key);
    if (!removed) log_.warning("{}", removed.error().text);
    co_return only_status(!removed   ? status_of(removed.error())
                          : *removed ? wire::ok
                                     : wire::no_key);
  }
  auto put = co_await store->put(key, value);
  if (!put) log_.warning("{}", put.error().text);
  co_return only_status(put ? wire::ok : status_of(put.error()));
}

Task<proto::Attributes> ProxymapRole::walk(const proto::Attributes& request) {
  std::string table(request.get("table"));
  int status = wire::ok;
  std::optional<lookup::Entry> entry;
  auto* store = writer(table, status);
  if (store) {
    auto found = co_await store->next(request.get_number("function") == 0);
    if (!found)
      status = status_of(found.error());
    else
      entry = std::move(*found);
    if (status == wire::ok && !entry) status = wire::no_key;
  }
  proto::Attributes answer;
  answer.add_number("status", status)
      .add("key", entry ? entry->first : "")
      .add("value", entry ? entry->second : "");
  co_return answer;
}

Task<proto::Attributes> ProxymapRole::answer(const proto::Attributes& request) {
  auto verb = request.get("request");
  if (verb == wire::kOpen) co_return open(request);
  if (verb == wire::kLookup) {
    auto found = co_await look_up(request);
    co_return found;
  }
  if (verb == wire::kUpdate || verb == wire::kDelete) {
    auto done = co_await change(request, verb == wire::kDelete);
    co_return done;
  }
  if (verb == wire::kSequence) {
    auto entry = co_await walk(request);
    co_return entry;
  }
  log_.warning("unrecognized request: \"{}\", ignored", base::printable(verb));
  co_return only_status(wire::bad);
}

void ProxymapRole::drain(service::Context&) {
  waiting_.drain();
}

Task<> ProxymapRole::serve(service::Context&, service::Client client) {
  Conn conn(*loop_, std::move(client.fd));
  proto::Attributes hello;
  hello.add("protocol", wire::kProtocol);
  proto::put_attributes(conn, hello);
  co_await conn.flush();
  for (;;) {
    auto request = co_await waiting_.next(conn, kLongestRequest);
    if (!request) {
      log_.warning("bad request: {}", request.error().text);
      co_return;
    }
    auto said = co_await answer(*request);
    proto::put_attributes(conn, said);
    co_await conn.flush();
  }
}

}  // namespace dovetail::mta
