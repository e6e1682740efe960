// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/mailbox.h"

#include <cstdlib>

namespace dovetail::tests {

namespace {

constexpr std::string_view kPlainMessage =
    "From: Frank <frank@example.org>\r\nTo: leeo@example.org\r\nSubject: "
    "=?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    "Date: Fri, 20 Nov 2026 11:58:39 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nLunch at "
    "noon?\r\n.\r\n";
constexpr std::string_view kMimeMessage =
    "From: leeo@example.org\r\nSubject: Re: two parts\r\nReferences: "
    "<1@example.org>\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
    "text/plain\r\n\r\none\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text\r\n--b--\r\n";

Task<> save_message(mda::Mailbox& box, std::string text) {
  mda::SaveOptions options;
  auto incoming = co_await box.begin_save(std::move(options));
  refuse(!incoming);
  auto written = co_await (*incoming)->write(std::move(text));
  refuse(!written);
  std::vector<std::unique_ptr<mda::Incoming>> all;
  all.push_back(std::move(*incoming));
  auto saved = co_await box.commit(std::move(all));
  refuse(!saved);
}

Task<> fill_inbox(mda::Store& store) {
  auto inbox = co_await store.open("INBOX");
  refuse(!inbox);
  co_await save_message(**inbox, std::string(kPlainMessage));
  co_await save_message(**inbox, std::string(kMimeMessage));
}

}  // namespace

FuzzMailbox::FuzzMailbox(Loop& loop) : pool(loop, 1) {
  mda::StoreSettings settings;
  settings.user = "frank@example.org";
  settings.home = scratch_.path();
  settings.hostname = "host";
  settings.mail_location = "maildir:" + scratch_.path() + "/Maildir";
  mda::NamespaceSettings inbox;
  inbox.name = "inbox";
  inbox.inbox = true;
  inbox.separator = "/";
  settings.namespaces.push_back(std::move(inbox));
  auto made = mda::Store::create(loop, pool, std::move(settings), Logger("fuzz"));
  refuse(!made);
  store = std::move(*made);
  net::run_until_done(loop, fill_inbox(*store));
}

}  // namespace dovetail::tests
