// An IMAP server for trying clients by hand: imap_server PORT MAILDIR [SEPARATOR]. Any name and password log in to the one
// Maildir; no TLS, 127.0.0.1 only. Never installed.
// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include <cstdio>

#include "common/base/text.h"
#include "common/net/listen.h"
#include "common/net/pool.h"
#include "mda/imap/change_watcher.h"
#include "mda/imap/login_commands.h"
#include "mda/imap/session.h"
#include "mda/storage/store.h"

using namespace dovetail;
using namespace dovetail::mda;

namespace {

struct Server {
  Loop loop;
  net::Pool pool{loop, 4};
  Logger log{"imap"};
  imap::ChangeWatcher watcher{loop, log};
  std::shared_ptr<Store> store;
  std::shared_ptr<imap::ImapSettings> settings = std::make_shared<imap::ImapSettings>();
};

StoreSettings try_settings(const char* maildir, const char* separator) {
  StoreSettings settings;
  settings.user = "try";
  settings.home = maildir;
  settings.hostname = "localhost";
  settings.mail_location = std::string("maildir:") + maildir;
  NamespaceSettings inbox;
  inbox.inbox = true;
  inbox.separator = separator;
  inbox.mailboxes = {{"Drafts", AutoMailbox::subscribe, "\\Drafts"},
                     {"Sent", AutoMailbox::subscribe, "\\Sent"},
                     {"Trash", AutoMailbox::subscribe, "\\Trash"}};
  settings.namespaces.push_back(std::move(inbox));
  return settings;
}

Task<> serve_client(Server& server, Fd fd) {
  Conn conn(server.loop, std::move(fd));
  imap::LoginOptions options;
  options.mechanisms = {{"PLAIN", true}};
  imap::LoginDialogue dialogue(conn, std::move(options));
  conn.put(dialogue.greeting());
  imap::SessionEnvironment environment;
  for (;;) {
    auto request = co_await dialogue.next();
    environment.login_tag = request.tag;
    if (request.kind == imap::LoginRequest::Kind::login) break;
    if (request.kind == imap::LoginRequest::Kind::authenticate) {
      if (request.initial_response) break;
      auto response = co_await dialogue.challenge("");
      if (!response.empty()) break;
    }
    co_await conn.flush();
    if (request.kind != imap::LoginRequest::Kind::starttls) co_return;
  }
  environment.store = server.store;
  environment.pool = &server.pool;
  environment.watcher = &server.watcher;
  environment.settings = server.settings;
  environment.log = Logger("imap(try)<1><try>");
  co_await imap::run_imap(conn, std::move(environment));
}

Task<> accept_clients(Server& server, Fd fd) {
  net::Listener listener(server.loop, std::move(fd));
  for (;;) {
    auto accepted = co_await listener.accept(server.loop);
    net::spawn(serve_client(server, std::move(accepted.fd)), server.log);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fputs("usage: imap_server PORT MAILDIR [SEPARATOR]\n", stderr);
    return 1;
  }
  base::LogTarget target;
  target.style = base::LogStyle::dovecot;
  base::open_log(target);
  Server server;
  auto store = Store::create(server.loop, server.pool,
                             try_settings(argv[2], argc > 3 ? argv[3] : "/"), server.log);
  if (!store) {
    server.log.fatal("{}", store.error().text);
    return 1;
  }
  server.store = std::move(*store);
  auto port = base::parse_number<uint16_t>(argv[1]);
  auto fd = net::listen_inet(*net::SockAddr::ip("127.0.0.1", port.value_or(1143)), 64);
  if (!fd) {
    server.log.fatal("{}", fd.error().text);
    return 1;
  }
  net::spawn(accept_clients(server, std::move(*fd)), server.log);
  server.loop.run();
  return 0;
}
