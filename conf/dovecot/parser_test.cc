// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/dovecot/checks.h"
#include "conf/dovecot/ext_file.h"
#include "conf/dovecot/parser.h"
#include "conf/dovecot/settings.h"
#include "tests/catch.h"

namespace dovetail::conf::dovecot {

namespace {

// The error of a text, or what check_tree says, or "".
std::string error_of(std::string_view text) {
  Tree tree;
  Parser parser(tree);
  auto parsed = parser.parse_text(text, "t.conf");
  if (!parsed) return parsed.error().text;
  if (auto open = parser.unclosed(); !open.empty()) return open;
  return check_tree(tree).fatal;
}

Tree tree_of(std::string_view text) {
  Tree tree;
  Parser parser(tree);
  auto parsed = parser.parse_text(text, "t.conf");
  INFO(text);
  REQUIRE((parsed ? std::string() : parsed.error().text) == "");
  return tree;
}

std::shared_ptr<const View> view_of(const Tree& tree, const Selector& who = {}) {
  auto view = tree.view(who);
  REQUIRE((view ? std::string() : view.error().text) == "");
  return *view;
}

std::string setting(std::string_view text, std::string_view key, const Selector& who = {}) {
  auto tree = tree_of(text);
  return view_of(tree, who)->get(key);
}

struct BadText {
  std::string_view text, error;
};

constexpr std::string_view kAt = "Error in configuration file t.conf line ";

}  // namespace

TEST_CASE("mistakes are reported with file and line") {
  auto bad = GENERATE(
      BadText{"userdb {driver = x}\n", "1: Garbage after '{'"},
      BadText{"\ngarbage\n", "2: Expecting '{'"}, BadText{"a b = c\n", "1: Expecting '{'"},
      BadText{"foo = 1\n", "1: Unknown setting: foo"},
      BadText{"service imap {\n foo = 1\n}\n", "2: Unknown setting: service { foo"},
      BadText{"service imap {\n unix_listener a {\n foo=1\n}\n}\n",
              "3: Unknown setting: service { unix_listener { foo"},
      BadText{"foo {\n}\n", "1: Unknown setting: foo { foo"}, BadText{"}\n", "1: Unexpected '}'"},
      BadText{"plugin {\n a {\n}\n}\n", "2: Section not allowed here"},
      BadText{"passdb a {\n}\npassdb a {\n}\n", "3: passdb/a already exists"},
      BadText{"verbose_proctitle = on\n", "1: Invalid boolean value: on (use yes or no)"},
      BadText{"!include nothing-here.conf\n", "1: No matches"},
      BadText{"remote 10.0.0.0/8 {\n auth_realms = a\n}\n",
              "2: Auth settings not supported inside local/remote blocks: auth_realms"},
      BadText{"protocol imap {\n protocol pop3 {\n}\n}\n",
              "2: Nested protocol { protocol { .. } } block not allowed"},
      BadText{"remote 1.1.1.1 {\n local 1.1.1.2 {\n}\n}\n",
              "2: remote { local { .. } } not allowed (use local { remote { .. } } instead)"},
      BadText{"local 10.0.0.0/8 {\n local 11.0.0.0/8 {\n}\n}\n",
              "2: local net1 { local net2 { .. } } requires net2 to be inside net1"},
      BadText{"local 10.0.0.0/33 {\n}\n", "1: Invalid network mask: 33"},
      BadText{"service/nosuch/user = x\n", "1: Unknown setting: service/nosuch/user"});
  CHECK(error_of(bad.text) == std::string(kAt) + std::string(bad.error));
}

TEST_CASE("mistakes of the whole have no line") {
  auto bad = GENERATE(
      BadText{"service imap {\n", "Missing '}' (section started at t.conf:1)"},
      BadText{"passdb {\n args = x\n}\n", "passdb is missing driver"},
      BadText{"listen =\n", "listen can't be set empty"},
      BadText{"protocols = foo\n", "protocols: Unknown protocol: foo"},
      BadText{"service auth {\n process_limit = 2\n}\n", "service(auth): process_limit must be 1"},
      BadText{"default_internal_user = no-such-user\n",
              "default_internal_user doesn't exist: no-such-user"},
      BadText{"protocol imap {\n ssl=no\n}\nremote 10.0.0.0/8 {\n ssl=no\n protocol imap {\n "
              "ssl=no\n}\n}\n",
              "Conflict in setting ssl found from filter at t.conf:1"});
  CHECK(error_of(bad.text) == bad.error);
}

TEST_CASE("comments, quotes and continuation") {
  CHECK(setting("login_greeting = \"Hi # there\" # x\n", "login_greeting") == "Hi # there");
  CHECK(setting("login_greeting = \"a \\\"b\\\" \\\\ c\"\n", "login_greeting") == "a \"b\" \\ c");
  CHECK(setting("auth_mechanisms = plain \\\n  login \\\n cram-md5\n", "auth_mechanisms") ==
        "plain login cram-md5");
  CHECK(setting("listen = 127.0.0.1\r\n", "listen") == "127.0.0.1");
  CHECK(setting("listen = 127.0.0.1", "listen") == "127.0.0.1");
  CHECK(tree_of("listen = a#b\n").warnings().size() == 1);
}

TEST_CASE("names are looked up at the start of a word only") {
  CHECK(setting("hostname = h\nlogin_greeting = $hostname x$hostname\n", "login_greeting") ==
        "h x$hostname");
  CHECK(setting("hostname = h\nlogin_greeting = \"$hostname\"\n", "login_greeting") == "$hostname");
  CHECK(setting("mail_plugins = a\nmail_plugins = $mail_plugins b\n", "mail_plugins") == "a b");
  CHECK(setting("mail_plugins = a\nprotocol imap {\n mail_plugins = $mail_plugins b\n}\n",
                "mail_plugins", {"imap", "", "", ""}) == "a b");
  CHECK(setting("service imap {\n process_limit = $default_process_limit\n}\n",
                "service/imap/process_limit") == "100");
  auto unknown = tree_of("login_greeting = $nosuch\n").view({});
  REQUIRE(!unknown);
  CHECK(unknown.error().text == std::string(kAt) + "1: Unknown variable: $nosuch");
  auto missing = tree_of("ssl_cert = </nonexistent/x\n").view({});
  REQUIRE(!missing);
  CHECK(missing.error().text ==
        std::string(kAt) +
            "1: ssl_cert: Can't open file /nonexistent/x: No such file or directory");
}

TEST_CASE("the most specific filter wins") {
  constexpr std::string_view text =
      "login_greeting = G\nremote 10.0.0.0/8 {\n login_greeting = R8\n protocol imap {\n "
      "login_greeting = RP\n}\n}\n"
      "remote 10.1.0.0/16 {\n login_greeting = R16\n}\nlocal_name *.b.org {\n ssl = no\n}\n";
  CHECK(setting(text, "login_greeting") == "G");
  CHECK(setting(text, "login_greeting", {"pop3", "", "10.9.9.9", ""}) == "R8");
  CHECK(setting(text, "login_greeting", {"pop3", "", "10.1.9.9", ""}) == "R16");
  CHECK(setting(text, "login_greeting", {"imap", "", "10.9.9.9", ""}) == "RP");
  CHECK(setting(text, "ssl", {"imap", "", "", "x.b.org"}) == "no");
  CHECK(setting(text, "ssl", {"imap", "", "", "x.y.b.org"}) == "yes");
  CHECK(setting("protocol !imap {\n ssl = no\n}\n", "ssl", {"pop3", "", "", ""}) == "no");
  CHECK(setting("protocol !imap {\n ssl = no\n}\n", "ssl", {"imap", "", "", ""}) == "yes");
  auto tree = tree_of("protocol imap {\n ssl=no\n}\nremote 10.0.0.0/8 {\n ssl=no\n}\n");
  auto view = tree.view({"imap", "", "10.0.0.1", ""});
  REQUIRE(!view);
  CHECK(view.error().text == "Conflict in setting ssl found from filter at t.conf:1");
}

TEST_CASE("blocks become structs") {
  auto tree = tree_of(
      "protocols = imap lmtp\n"
      "service lmtp {\n unix_listener /var/spool/postfix/private/dovecot-lmtp {\n mode = 0600\n "
      "user = postfix\n}\n}\n"
      "service imap-login {\n inet_listener imaps {\n port = 10993\n}\n}\n"
      "passdb {\n driver = pam\n}\npassdb {\n driver = sql\n args = /etc/x\n}\n"
      "namespace inbox {\n inbox = yes\n mailbox \"Sent Messages\" {\n special_use = \\Sent\n auto "
      "= create\n}\n}\n"
      "plugin {\n b = 2\n a = 1\n}\n");
  auto view = view_of(tree);
  auto lmtp = view->service("lmtp");
  REQUIRE(lmtp.has_value());
  REQUIRE(lmtp->unix_listeners.size() == 2);
  CHECK(lmtp->unix_listeners[0].path == "lmtp");
  CHECK(lmtp->unix_listeners[0].mode == 0666);
  CHECK(lmtp->unix_listeners[1].path == "/var/spool/postfix/private/dovecot-lmtp");
  CHECK(lmtp->unix_listeners[1].mode == 0600);
  CHECK(lmtp->unix_listeners[1].user == "postfix");
  auto login = view->service("imap-login");
  REQUIRE(login.has_value());
  CHECK(login->user == "dovenull");
  REQUIRE(login->inet_listeners.size() == 2);
  CHECK(login->inet_listeners[0].port == 143);
  CHECK(login->inet_listeners[1].port == 10993);
  CHECK(login->inet_listeners[1].ssl);
  CHECK(view->wanted(*login));
  CHECK(!view->wanted(*view->service("pop3-login")));
  CHECK(!view->service("nosuch"));
  auto passdbs = view->passdbs();
  REQUIRE(passdbs.size() == 2);
  CHECK(passdbs[1].driver == "sql");
  CHECK(passdbs[1].result_success == "return-ok");
  auto namespaces = view->namespaces();
  REQUIRE(namespaces.size() == 1);
  CHECK(namespaces[0].inbox);
  REQUIRE(namespaces[0].mailboxes.size() == 1);
  CHECK(namespaces[0].mailboxes[0].name == "Sent Messages");
  CHECK(namespaces[0].mailboxes[0].autocreate == "create");
  REQUIRE(view->plugins().size() == 2);
  CHECK(view->plugins()[0].first == "b");
  CHECK(view->plugin("a") == std::optional<std::string>("1"));
  CHECK(!view->plugin("c"));
}

TEST_CASE("a user's own settings lie over the file's") {
  auto tree = tree_of("mail_location = maildir:~/M\n");
  auto view = view_of(tree)->with({{"mail", "maildir:/x"},
                                   {"quota_rule", "*:storage=1G"},
                                   {"mail_max_userip_connections", "3"}});
  REQUIRE(view);
  CHECK((*view)->get("mail_location") == "maildir:/x");
  CHECK((*view)->plugin("quota_rule") == std::optional<std::string>("*:storage=1G"));
  CHECK((*view)->get_number("mail_max_userip_connections") == 3);
  auto bad = view_of(tree)->with({{"mail_max_userip_connections", "x"}});
  REQUIRE(!bad);
}

TEST_CASE("-o beats every filter") {
  auto path = format("/tmp/dovetail-parser-test-{}.conf", ::getpid());
  std::ofstream(path) << "protocol imap {\n ssl = no\n}\n";
  auto tree = load(path, {{"ssl", "required"}, {"plugin/x", "y"}});
  auto bad = load(path, {{"nosuch", "x"}});
  std::remove(path.c_str());
  REQUIRE(tree);
  auto view = tree->view({"imap", "", "", ""});
  REQUIRE(view);
  CHECK((*view)->get("ssl") == "required");
  CHECK((*view)->plugin("x") == std::optional<std::string>("y"));
  REQUIRE(!bad);
  CHECK(bad.error().text == "Invalid -o parameter nosuch=x: Unknown setting: nosuch");
}

TEST_CASE("a child gets what it may see and evaluates it as the parent does") {
  auto tree = tree_of(
      "ssl_key = secret\nhostname = h\nlogin_greeting = $hostname hi\nmail_location = maildir:~/M\n"
      "auth_mechanisms = plain login\nprotocol imap {\n login_greeting = $hostname imap\n}\n"
      "passdb {\n driver = pam\n}\nplugin {\n quota = count\n}\n");
  auto packed = tree.pack({{"imap-login", "pop3-login"}, false, false});
  REQUIRE(packed);
  CHECK(packed->find("secret") == std::string::npos);
  CHECK(packed->find("maildir") == std::string::npos);
  CHECK(packed->find("pam") == std::string::npos);
  auto child = Tree::unpack(*packed);
  REQUIRE(child);
  CHECK(view_of(*child, {"imap", "", "", ""})->get("login_greeting") == "h imap");
  CHECK(view_of(*child)->get("login_greeting") == "h hi");
  CHECK(view_of(*child)->get("ssl_key").empty());
  auto keys = tree.pack({{"imap-login"}, true, false});
  REQUIRE(keys);
  auto with_keys = Tree::unpack(*keys);
  REQUIRE(with_keys);
  CHECK(view_of(*with_keys)->get_secret("ssl_key") == Secret("secret"));
  auto auth = tree.pack({{"auth"}, false, true});
  REQUIRE(auth);
  auto auth_child = Tree::unpack(*auth);
  REQUIRE(auth_child);
  CHECK(view_of(*auth_child)->passdbs().size() == 1);
  CHECK(!tree.pack({{"no-such-reader"}, false, false}));
  for (std::size_t size = 0; size < packed->size(); ++size) {
    CHECK(!Tree::unpack(std::string_view(*packed).substr(0, size)));
  }
}

TEST_CASE("obsolete names become today's with a warning") {
  auto tree =
      tree_of("ssl_disable = yes\nlogin_user = x\nlisten = *:10143\nprotocols = imap imaps\n");
  auto view = view_of(tree);
  CHECK(view->get("ssl") == "no");
  CHECK(view->service("imap-login")->user == "x");
  CHECK(view->get("listen") == "*");
  CHECK(view->service("imap-login")->inet_listeners[0].port == 10143);
  CHECK(view->get("protocols") == "imap");
  REQUIRE(tree.warnings().size() == 5);
  CHECK(tree.warnings()[1] == "Obsolete setting in t.conf:1: ssl_disable has been renamed to ssl");
}

TEST_CASE("settings this version does not act on are named") {
  auto tree = tree_of(
      "mail_attachment_dir = /x\nlogin_access_sockets = tcpwrap\nlmtp_proxy = yes\nmail_debug = "
      "yes\n");
  auto found = tree.unsupported();
  REQUIRE(found.size() == 3);
  CHECK(found[0].action == Unsupported::Action::ignore);
  CHECK(found[1].action == Unsupported::Action::fatal);
  CHECK(found[2].action == Unsupported::Action::defer);
  CHECK(found[2].line == 3);
}

TEST_CASE("external files are keys and values") {
  auto read = parse_ext_file(
      "# c\ndriver = mysql\nconnect = host=/run/x dbname=m user=a password=b#c\n"
      "password_query = SELECT a, b \\\n  FROM t WHERE u='%u'\nmap {\n pattern = priv/quota\n}\n",
      "f");
  REQUIRE(read);
  REQUIRE(read->size() == 4);
  CHECK((*read)[1].value.reveal() == "host=/run/x dbname=m user=a password=b#c");
  CHECK((*read)[2].key == "password_query");
  CHECK((*read)[2].value.reveal() == "SELECT a, b FROM t WHERE u='%u'");
  CHECK((*read)[3].section == "map");
  auto bad = parse_ext_file("driver\n", "f");
  REQUIRE(!bad);
  CHECK(bad.error().text == "Error in configuration file f line 1: Expecting '='");
}

}  // namespace dovetail::conf::dovecot
