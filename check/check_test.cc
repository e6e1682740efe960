// Planted faults: a clean host, one thing spoiled, and the rule that must say so with the right place. Each row fails without
// its finding, and with a finding on the clean host.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <ctime>

#include "check/check_fixture.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/postfix/parameters.h"
#include "tests/catch.h"

using namespace dovetail;
using check::FixtureHost;

namespace {

struct Fault {
  std::string_view rule;
  void (*plant)(FixtureHost& host);
  std::string_view place;  // how the line begins
  std::string_view words;  // what stands in it
};

void set_main(FixtureHost& host, std::string_view line) {
  host.append("etc/main.cf", format("{}\n", line));
}

int full_disk(const char*, struct statvfs* out) {
  *out = {};
  out->f_frsize = 4096;
  out->f_bavail = 100;
  return 0;
}
int read_only_disk(const char*, struct statvfs* out) {
  *out = {};
  out->f_frsize = 4096;
  out->f_bavail = 100000000;
  out->f_flag = ST_RDONLY;
  return 0;
}

void stale(FixtureHost& host, const std::string& file) {
  utimbuf old{time(nullptr) - 1000, time(nullptr) - 1000};
  utime(host.path(file).c_str(), &old);
}

// clang-format off
const Fault faults[] = {
    {"inbox-namespace", [](FixtureHost& h) { h.edit("etc/dovecot.conf", "  inbox = yes\n", "  separator = /\n"); },
     "@/etc/dovecot.conf:", "error: no namespace has inbox = yes"},
    {"undefined-names", [](FixtureHost& h) { h.edit("etc/master.cf", "permit_sasl_authenticated,reject\n", "permit_sasl_authenticated,reject\n  -o smtpd_client_restrictions=$mua_client_restrictions\n"); },
     "@/etc/master.cf:6:", "$mua_client_restrictions in smtpd_client_restrictions of submission is defined nowhere"},
    {"undefined-names", [](FixtureHost& h) { set_main(h, "relayhost = $smart_host"); },
     "@/etc/main.cf:26:", "$smart_host in relayhost is defined nowhere"},
    {"unused-names", [](FixtureHost& h) { set_main(h, "smtpd_recipient_restriction = reject_unlisted_recipient"); },
     "@/etc/main.cf:26:", "write smtpd_recipient_restrictions if that was meant"},
    {"two-classes", [](FixtureHost& h) { h.edit("etc/main.cf", "mydestination = $myhostname,", "mydestination = $myhostname, example.net,"); },
     "@/etc/main.cf:13:", "example.net is in both mydestination and virtual_mailbox_domains"},
    {"users-without-domain", [](FixtureHost& h) { h.sqlite("mail.sqlite", "update domains set name='examlpe.net' where name='example.net'"); },
     "@/etc/users.cf:0:", "virtual_mailbox_domains has \"examlpe.net\": if that is a slip, make it \"example.net\""},
    {"users-without-domain", [](FixtureHost& h) { h.sqlite("mail.sqlite", "insert into users values('x@mail.example.org','x',1)"); },
     "@/etc/users.cf:0:", "mail.example.org is in mydestination and not in virtual_mailbox_domains"},
    {"password-hashes", [](FixtureHost& h) { h.sqlite("mail.sqlite", "update users set password=substr(password,1,100) where email like 'frank%'"); },
     "@/etc/dovecot-sql.conf.ext:4:", "the stored password of frank@example.org: the hash behind $6$ has 80 characters instead of 86: it is cut off"},
    {"password-hashes", [](FixtureHost& h) { h.sqlite("mail.sqlite", "update users set password='{ROT13}frperg' where email like 'leeo%'"); },
     "@/etc/dovecot-sql.conf.ext:4:", "ROT13 is no scheme known here"},
    {"password-hashes", [](FixtureHost& h) { h.sqlite("mail.sqlite", "update users set password='geheim' where email like 'leeo%'"); },
     "@/etc/dovecot-sql.conf.ext:4:", "not a hash of crypt(3): perhaps a password in clear"},
    {"password-hashes", [](FixtureHost& h) { h.sqlite("mail.sqlite", "update users set password='{PLAIN}geheim' where email like 'leeo%'"); },
     "@/etc/dovecot-sql.conf.ext:4:", "passwords are stored in clear (leeo@example.net)"},
    {"mechanisms", [](FixtureHost& h) { h.edit("etc/main.cf", "smtpd_tls_auth_only = yes\n", "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_security_options = noanonymous, noplaintext\n"); },
     "@/etc/main.cf:24:", "has noplaintext, and auth_mechanisms of Dovecot are only plain, login"},
    {"clear-text-logins", [](FixtureHost& h) { h.edit("etc/main.cf", "smtpd_tls_auth_only = yes\n", "smtpd_sasl_auth_enable = yes\n"); },
     "@/etc/main.cf:23:", "smtp offers AUTH outside of TLS"},
    {"clear-text-logins", [](FixtureHost& h) { h.append("etc/dovecot.conf", "disable_plaintext_auth = no\n"); },
     "@/etc/dovecot.conf:", "disable_plaintext_auth is no"},
    {"relay", [](FixtureHost& h) { h.edit("etc/main.cf", "127.0.0.0/8", "127.0.0.0/8, 0.0.0.0/0"); },
     "@/etc/main.cf:0:", "open relay: smtp lets a client at 198.51.100.1 (permit_mynetworks) send to anyone"},
    {"relay", [](FixtureHost& h) { set_main(h, "smtpd_relay_restrictions = check_sender_access texthash:@/etc/senders, reject_unauth_destination");
                                   h.write("etc/senders", "friend@example.com OK\n"); },
     "@/etc/main.cf:26:", "a client at 198.51.100.1 that says MAIL FROM friend@example.com (@/etc/senders:1)"},
    {"relay", [](FixtureHost& h) { set_main(h, "smtpd_relay_restrictions = permit_mynetworks"); },
     "@/etc/main.cf:26:", "neither smtpd_relay_restrictions nor smtpd_recipient_restrictions of smtp refuses relaying"},
    {"relay", [](FixtureHost& h) { set_main(h, "smtpd_relay_restrictions = permit\nsmtpd_recipient_restrictions = permit_mynetworks, permit, reject"); },
     "@/etc/main.cf:26:", "open relay: smtp lets any address, such as 198.51.100.1 send"},
    {"unlisted-recipients", [](FixtureHost& h) { h.append("etc/master.cf", "587 inet n - n - - smtpd\n  -o smtpd_reject_unlisted_recipient=no\n"); },
     "@/etc/master.cf:", "587 takes mail for users of this host that do not exist"},
    {"postmaster", [](FixtureHost& h) { h.sqlite("mail.sqlite", "delete from aliases where source='postmaster@example.net'"); },
     "@/etc/domains.cf:0:", "postmaster@example.net does not exist"},
    {"postmaster", [](FixtureHost& h) { h.write("etc/aliases", "root nobody-of-that-name\npostmaster root\n"); },
     "@/etc/main.cf:9:", "mail for root (root@mail.example.org) has no mailbox"},
    {"postmaster", [](FixtureHost& h) { h.edit("etc/main.cf", "mydestination = $myhostname, localhost", "mydestination =");
                                        h.edit("etc/main.cf", "myorigin = $myhostname", "myorigin = example.net"); },
     "@/etc/main.cf:9:", "mail for root (root@example.net) has no mailbox"},
    {"local-alias-loops", [](FixtureHost& h) { h.append("etc/aliases", "sales support, frank@example.org\nsupport \"desk\"\ndesk sales@localhost\n"); },
     "@/etc/aliases:", "alias loop desk -> sales -> support -> desk"},
    {"virtual-alias-loops", [](FixtureHost& h) { h.sqlite("mail.sqlite", "insert into aliases values('a@example.org','b@example.org'),('b@example.org','a@example.org')"); },
     "@/etc/virtual.cf:0:", "virtual alias loop a@example.org -> b@example.org -> a@example.org: each message for them is refused with \"451 4.6.0"},
    {"dead-aliases", [](FixtureHost& h) { h.sqlite("mail.sqlite", "insert into aliases values('info@example.org','frnak@example.org')"); },
     "@/etc/virtual.cf:0:", "alias info@example.org leads to frnak@example.org, which is no mailbox"},
    {"sasl-socket", [](FixtureHost& h) { h.edit("etc/main.cf", "smtpd_sasl_path = private/auth", "smtpd_sasl_path = private/auth-client"); },
     "@/etc/main.cf:21:", "but Dovecot has no such socket (service auth listens at: @/spool/private/auth)"},
    {"sasl-socket", [](FixtureHost& h) { h.edit("etc/dovecot.conf", "    mode = 0660\n", "    mode = 0060\n"); },
     "@/etc/dovecot.conf:", "may not connect to it"},
    {"sasl-socket", [](FixtureHost& h) { h.edit("etc/main.cf", "smtpd_sasl_type = dovecot", "smtpd_sasl_type = cyrus"); },
     "@/etc/main.cf:20:", "smtpd_sasl_type of submission is cyrus"},
    {"sasl-socket", [](FixtureHost& h) { h.edit("etc/main.cf", "smtpd_sasl_path = private/auth", "smtpd_sasl_path = @/spool/private/auth");
                                         h.edit("etc/master.cf", "submission inet n - n", "submission inet n - y"); },
     "@/etc/main.cf:21:", "smtpd_sasl_path is absolute and submission runs chrooted"},
    {"files", [](FixtureHost& h) { set_main(h, "mynetworks = 10.0.0.0/8"); },
     "@/etc/main.cf:26: warning: overriding earlier entry", "the later of the two holds"},
    {"obsolete", [](FixtureHost& h) { set_main(h, "smtpd_use_tls = yes"); },
     "@/etc/main.cf:26:", "write smtpd_tls_security_level = may"},
    {"databases", [](FixtureHost& h) { h.edit("etc/dovecot-sql.conf.ext", "WHERE email='%%u'", "WHERE email='%%u' OR email='%%n'"); },
     "@/etc/dovecot-sql.conf.ext:", "note: password_query is too involved to be turned into a list"},
    {"table-files", [](FixtureHost& h) { h.edit("etc/virtual.cf", "WHERE source='%%s'", "WHERE source='%%s' OR source='%%u'"); },
     "@/etc/virtual.cf:", "note: query is too involved to be turned into a list"},
    {"databases", [](FixtureHost& h) { h.edit("etc/dovecot-sql.conf.ext", "driver = sqlite\n", ""); },
     "@/etc/dovecot-sql.conf.ext:", "no driver is set"},
    {"user-lists", [](FixtureHost& h) { h.edit("etc/dovecot-sql.conf.ext", "active=1", "active=1 AND email LIKE 'frank@example.org'"); },
     "@/etc/main.cf:17:", "virtual_mailbox_maps has leeo@example.net, whom Dovecot's passdb does not know"},
    {"user-lists", [](FixtureHost& h) { h.edit("etc/users.cf", "active=1", "active=1 AND email LIKE 'frank@example.org'"); },
     "@/etc/main.cf:17:", "Dovecot's passdb has leeo@example.net, who is not in virtual_mailbox_maps"},
    {"lmtp-socket", [](FixtureHost& h) { set_main(h, "fallback_transport = smtp:unix:/var/lib/cyrus/lmtp"); h.edit("etc/main.cf", "lmtp:unix:private/dovecot-lmtp", "lmtp:unix:private/elsewhere"); },
     "@/etc/main.cf:19:", "virtual_transport looks for lmtp at @/spool/private/elsewhere"},
    {"unused-aliases", [](FixtureHost& h) { h.edit("etc/main.cf", "mydestination = $myhostname, localhost", "mydestination ="); },
     "@/etc/main.cf:14:", "alias_maps is set, and mydestination is empty"},
    {"files", [](FixtureHost& h) { h.write("etc/dovecot.conf", "dovecot_config_version = 2.4.0\n"); },
     "@/etc/dovecot.conf:1:", "this is a file for Dovecot 2.4"},
    {"files", [](FixtureHost& h) { h.append("etc/dovecot.conf", "mail_locaton = maildir:~/Maildir\n"); },
     "@/etc/dovecot.conf:", "write mail_location if that was meant"},
    {"certificates", [](FixtureHost& h) { set_main(h, "smtp_tls_CAfile = @/nothing.pem"); },
     "@/etc/main.cf:26:", "@/nothing.pem does not exist: mail goes out without TLS"},
    {"table-files", [](FixtureHost& h) { set_main(h, "transport_maps = unionmap:{texthash:@/etc/transport, static:x}"); },
     "@/etc/main.cf:26:", "@/etc/transport of transport_maps does not exist"},
    {"databases", [](FixtureHost& h) { set_main(h, "transport_maps = pgsql:@/etc/pg.cf"); h.write("etc/pg.cf", "hosts = 127.0.0.1:1\ndbname = pg\nquery = SELECT 1\n"); },
     "@/etc/pg.cf:0:", "the database pg does not answer: 127.0.0.1 port 1: Connection refused"},
    {"lmtp-socket", [](FixtureHost& h) { h.edit("etc/dovecot.conf", "private/dovecot-lmtp", "private/lmtp"); },
     "@/etc/main.cf:19:", "virtual_transport looks for lmtp at @/spool/private/dovecot-lmtp, but Dovecot has no such socket"},
    {"lmtp-socket", [](FixtureHost& h) { h.edit("etc/dovecot.conf", "    mode = 0600\n    user = &\n    group = %\n", "    mode = 0600\n    user = root\n"); h.edit("etc/main.cf", "mail_owner = &", "mail_owner = daemon"); },
     "@/etc/dovecot.conf:", "may not connect to it"},
    {"lmtp-socket", [](FixtureHost& h) { h.edit("etc/dovecot.conf", "protocols = imap lmtp", "protocols = imap"); },
     "@/etc/dovecot.conf:1:", "but protocols has no lmtp"},
    {"lmtp-socket", [](FixtureHost& h) { h.edit("etc/main.cf", "virtual_transport = lmtp:", "virtual_transport = dovecot:"); },
     "@/etc/main.cf:19:", "names transport dovecot, which master.cf does not have"},
    {"certificates", [](FixtureHost& h) { h.remove("cert.pem"); },
     "@/etc/main.cf:24:", "error: @/cert.pem does not exist"},
    {"certificates", [](FixtureHost& h) { h.certificate("other.pem", "key.pem", "mail.example.org"); },
     "@/etc/main.cf:25:", "@/key.pem is not the key of @/cert.pem"},
    {"certificates", [](FixtureHost& h) { h.certificate("cert.pem", "key.pem", "www.example.org"); },
     "@/etc/main.cf:24:", "@/cert.pem is for www.example.org, not for mail.example.org"},
    {"certificates", [](FixtureHost& h) { h.certificate("cert.pem", "key.pem", "mail.example.org", 5); },
     "@/etc/main.cf:24:", "in 5 days"},
    {"certificates", [](FixtureHost& h) { h.certificate("cert.pem", "key.pem", "mail.example.org", -3); },
     "@/etc/dovecot.conf:", "error: @/cert.pem has expired on"},
    {"certificates", [](FixtureHost& h) { h.certificate("cert.pem", "key.pem", "mail.example.org", 365, "Some Intermediate"); },
     "@/etc/main.cf:24:", "the chain of @/cert.pem is incomplete: CN=Some Intermediate is not in it"},
    {"certificates", [](FixtureHost& h) { h.remove("cert.pem"); h.write("cert.pem/x", ""); },
     "@/etc/main.cf:24:", "@/cert.pem cannot be read: Is a directory"},
    {"certificates", [](FixtureHost& h) { h.write("cert.pem", "no certificate\n"); },
     "@/etc/main.cf:24:", "no certificate in it"},
    {"certificates", [](FixtureHost& h) { chmod(h.path("key.pem").c_str(), 0644); },
     "@/etc/main.cf:25:", "the private key @/key.pem is readable by all"},
    {"missing-certificates", [](FixtureHost& h) { h.edit("etc/main.cf", "smtpd_tls_cert_file = @/cert.pem\nsmtpd_tls_key_file = @/key.pem\n", ""); },
     "@/etc/main.cf:22:", "smtp asks for TLS, and no certificate is set"},
    {"queue-directory", [](FixtureHost& h) { h.surroundings.statvfs = full_disk; },
     "@/etc/main.cf:2:", "409600 bytes free"},
    {"queue-directory", [](FixtureHost& h) { h.surroundings.statvfs = read_only_disk; },
     "@/etc/main.cf:2:", "is on a read-only file system"},
    {"queue-directory", [](FixtureHost& h) { h.remove("spool/deferred"); },
     "@/etc/main.cf:2:", "@/spool lacks deferred"},
    {"programs", [](FixtureHost& h) { h.append("etc/master.cf", "policy unix - n n - 0 polycyd\n"); },
     "@/etc/master.cf:16:", "service policy: there is no program @/daemons/polycyd"},
    {"programs", [](FixtureHost& h) { h.remove("daemons"); },
     "@/etc/main.cf:4:", "daemon_directory @/daemons does not exist"},
    {"ports", [](FixtureHost& h) { h.edit("etc/dovecot.conf", "protocols = imap lmtp", "protocols = imap lmtp submission"); },
     "@/etc/dovecot.conf:", "port 587 is claimed by service submission of master.cf (@/etc/master.cf:2) and by service submission-login of Dovecot"},
    {"ports", [](FixtureHost& h) { h.append("etc/master.cf", "25 inet n - n - - smtpd\n"); },
     "@/etc/master.cf:16:", "port 25 is claimed by service smtp of master.cf (@/etc/master.cf:1) and by service 25 of master.cf"},
    {"wrapper-mode", [](FixtureHost& h) { h.append("etc/master.cf", "smtps inet n - n - - smtpd\n"); },
     "@/etc/master.cf:16:", "service smtps on port 465 has no smtpd_tls_wrappermode=yes"},
    {"wrapper-mode", [](FixtureHost& h) { h.edit("etc/master.cf", "  -o smtpd_tls_security_level=encrypt\n", "  -o smtpd_tls_wrappermode=yes\n"); },
     "@/etc/master.cf:4:", "service submission on port 587 has smtpd_tls_wrappermode=yes"},
    {"table-files", [](FixtureHost& h) { h.edit("etc/main.cf", "texthash:@/etc/aliases", "hash:@/etc/aliases"); },
     "@/etc/main.cf:14:", "@/etc/aliases.db of alias_maps does not exist"},
    {"table-files", [](FixtureHost& h) { h.edit("etc/main.cf", "texthash:@/etc/aliases", "cdb:@/etc/aliases"); h.write("etc/aliases.cdb", std::string(2048, '\0')); stale(h, "etc/aliases.cdb"); },
     "@/etc/aliases:0:", "@/etc/aliases.cdb is older than @/etc/aliases"},
    {"table-files", [](FixtureHost& h) { set_main(h, "transport_maps = texthash:@/etc/transport"); },
     "@/etc/main.cf:26:", "@/etc/transport of transport_maps does not exist"},
    {"table-files", [](FixtureHost& h) { set_main(h, "transport_maps = nosuchtype:@/etc/transport"); },
     "@/etc/main.cf:26:", "this build has no nosuchtype: tables"},
    {"table-files", [](FixtureHost& h) { set_main(h, "transport_maps = regexp:@/etc/transport"); h.write("etc/transport", "/a(/ error:x\n"); },
     "@/etc/transport:1:", "Unmatched ("},
    {"table-files", [](FixtureHost& h) { set_main(h, "mail_owner = daemon\ntransport_maps = proxy:texthash:@/etc/transport"); h.write("etc/transport", "example.com smtp:[x]\n", 0600); },
     "@/etc/main.cf:27:", "proxymap (daemon) may not read @/etc/transport"},
    {"databases", [](FixtureHost& h) { h.edit("etc/users.cf", "@/mail.sqlite", "@/nothing/here"); },
     "@/etc/users.cf:0:", "does not answer"},
    {"databases", [](FixtureHost& h) { h.write("etc/users.cf", "user = u\npassword = p\nhosts = 127.0.0.1:1\ndbname = mail\nquery = SELECT 1 FROM users WHERE email='%%s'\n"); h.edit("etc/main.cf", "sqlite:@/etc/users.cf", "mysql:@/etc/users.cf"); },
     "@/etc/users.cf:0:", "the database mail does not answer: 127.0.0.1 port 1: Connection refused"},
    {"obsolete", [](FixtureHost& h) { h.append("etc/dovecot.conf", "ssl_protocols = !SSLv2 !SSLv3\n"); },
     "@/etc/dovecot.conf:", "ssl_protocols has been replaced by ssl_min_protocol"},
    {"files", [](FixtureHost& h) { h.append("etc/dovecot.conf", "imap_no_such_thing = yes\n"); },
     "@/etc/dovecot.conf:", "Unknown setting: imap_no_such_thing"},
    {"files", [](FixtureHost& h) { h.append("etc/master.cf", "broken line\n"); },
     "@/etc/master.cf:0:", "master does not start"},
    {"files", [](FixtureHost& h) { set_main(h, "message_size_limit = ten"); },
     "@/etc/main.cf:0:", "message_size_limit"},
    {"unsupported", [](FixtureHost& h) { set_main(h, "smtp_tls_security_level = dane\ndebugger_command = x"); },
     "@/etc/main.cf:0:", "not acted on by this version: debugger_command"},
    {"compatibility", [](FixtureHost& h) { h.edit("etc/main.cf", "compatibility_level = 3.6\n", ""); },
     "@/etc/main.cf:0:", "compatibility_level is not set"},
    {"file-modes", [](FixtureHost& h) { chmod(h.path("etc/main.cf").c_str(), 0640); },
     "@/etc/main.cf:0:", "not everyone may read main.cf"},
    {"file-modes", [](FixtureHost& h) { set_main(h, "transport_maps = mysql:@/etc/t.cf"); h.write("etc/t.cf", "hosts = 127.0.0.1:1\npassword = x\n", 0644); },
     "@/etc/t.cf:0:", "holds a database password and is readable by all"},
    {"mail-directories", [](FixtureHost& h) { h.edit("etc/dovecot.conf", "uid=&", "uid=nobody-of-that-name"); },
     "@/etc/dovecot.conf:", "the mailboxes' user nobody-of-that-name does not exist"},
    {"mail-directories", [](FixtureHost& h) { h.edit("etc/dovecot.conf", "uid=&", "uid=daemon"); h.edit("etc/dovecot.conf", "gid=%", "gid=daemon"); chmod(h.path("mail").c_str(), 0700); },
     "@/etc/dovecot.conf:", "daemon may not make mailboxes in @/mail"},
    {"mail-directories", [](FixtureHost& h) { h.edit("etc/dovecot.conf", "first_valid_uid = 0", "first_valid_uid = 4000000000"); },
     "@/etc/dovecot.conf:", "outside of first_valid_uid"},
    {"passdb-order", [](FixtureHost& h) { h.edit("etc/dovecot.conf", "namespace inbox {", "passdb {\n  driver = pam\n}\nnamespace inbox {"); },
     "@/etc/dovecot.conf:", "PAM is asked before sql"},
};
// clang-format on

}  // namespace

TEST_CASE("a clean host has nothing but its self-signed certificate") {
  FixtureHost host;
  auto report = host.report();
  CHECK(report.exit_status() == 0);
  for (auto& finding : report.findings()) {
    INFO(finding.place.file << ":" << finding.place.line << " " << finding.wrong);
    bool expected = finding.wrong.find("is self-signed") != std::string::npos ||
                    finding.wrong == "not acted on by this version: default_internal_group";
    CHECK(expected);
  }
}

TEST_CASE("every planted fault is found where it stands") {
  for (auto& fault : faults) {
    FixtureHost host;
    INFO(fault.rule << ": " << fault.words);
    auto clean = host.says(fault.rule);
    fault.plant(host);
    auto planted = host.says(fault.rule);
    INFO(planted);
    CHECK(clean.find(fault.words) == std::string::npos);
    bool found = false;
    for (auto line : base::split(planted, '\n'))
      found = found || (line.starts_with(fault.place) && line.find(fault.words) != line.npos);
    CHECK(found);
  }
}

TEST_CASE("what this version would have to act on and does not is an error") {
  std::string name;
  for (auto& row : conf::parameters()) {
    bool text = row.type == conf::Type::str && row.kind == conf::Kind::plain && row.values.empty();
    if (row.unsupported == conf::Unsupported::defer && row.status == conf::Status::current && text)
      name = row.name;
  }
  if (name.empty()) return;  // all are supported
  FixtureHost host;
  set_main(host, format("{} = something", name));
  CHECK(host.says("unsupported")
            .find(format("@/etc/main.cf:26: error: {} is not supported by this version", name)) !=
        std::string::npos);
}

TEST_CASE("what another server does is no finding") {
  FixtureHost host;
  host.edit("etc/main.cf", "inet_interfaces = all", "inet_interfaces = loopback-only");
  host.edit("etc/main.cf", "smtpd_tls_auth_only = yes", "smtpd_sasl_auth_enable = yes");
  CHECK(host.says("clear-text-logins") == "");
  set_main(host, "fallback_transport = lmtp:unix:/var/lib/cyrus/socket/lmtp");
  set_main(host, "smtpd_sender_login_maps = unionmap:{ldap:/etc/postfix/ldap.cf, static:x}");
  CHECK(host.says("lmtp-socket") == "");
  // Directory servers are not waited for.
  CHECK(host.says("users-without-domain") == "");
}
