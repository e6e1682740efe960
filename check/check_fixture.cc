// The clean host: local, virtual and SQL users, both suites, a certificate, aliases.
// SPDX-License-Identifier: Apache-2.0
#include "check/check_fixture.h"

#include <grp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pwd.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "check/certificate.h"
#include "check/rules.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "config.h"

namespace dovetail::check {

namespace {

constexpr std::string_view kMainCf = R"(compatibility_level = 3.6
queue_directory = @/spool
data_directory = @/data
daemon_directory = @/daemons
mail_owner = &
setgid_group = %
myhostname = mail.example.org
mydomain = example.org
myorigin = $myhostname
inet_interfaces = all
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination = $myhostname, localhost
alias_maps = texthash:@/etc/aliases
alias_database =
virtual_mailbox_domains = sqlite:@/etc/domains.cf
virtual_mailbox_maps = sqlite:@/etc/users.cf
virtual_alias_maps = sqlite:@/etc/virtual.cf
virtual_transport = lmtp:unix:private/dovecot-lmtp
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = @/cert.pem
smtpd_tls_key_file = @/key.pem
)";
constexpr std::string_view kMasterCf = R"(smtp inet n - n - - smtpd
submission inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_security_level=encrypt
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
local unix - n n - - local
virtual unix - n n - - virtual
relay unix - - n - - smtp
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
)";
constexpr std::string_view kDaemons[] = {"smtpd",  "pickup", "cleanup", "qmgr", "trivial-rewrite",
                                         "bounce", "local",  "virtual", "smtp", "lmtp"};
constexpr std::string_view kQueueFolders[] = {"active",   "bounce", "corrupt",  "defer",
                                              "deferred", "hold",   "incoming", "maildrop",
                                              "private",  "public", "saved",    "trace"};
constexpr std::string_view kDovecotConf = R"(protocols = imap lmtp
listen = *
base_dir = @/run
default_internal_user = &
default_login_user = &
default_internal_group = %
auth_mechanisms = plain login
first_valid_uid = 0
mail_location = maildir:@/mail/%%d/%%n
ssl_cert = <@/cert.pem
ssl_key = <@/key.pem
namespace inbox {
  inbox = yes
}
passdb {
  driver = sql
  args = @/etc/dovecot-sql.conf.ext
}
userdb {
  driver = static
  args = uid=& gid=% home=@/mail/%%d/%%n
}
service lmtp {
  unix_listener @/spool/private/dovecot-lmtp {
    mode = 0600
    user = &
    group = %
  }
}
service auth {
  unix_listener @/spool/private/auth {
    mode = 0660
    user = &
    group = %
  }
}
)";
constexpr std::string_view kSchema = R"(
create table domains(name varchar(50));
create table users(email varchar(100), password varchar(150), active int);
create table aliases(source varchar(100), destination varchar(100));
insert into domains values('example.org'),('example.net');
insert into users values('frank@example.org', '$6$dEqUVsCirHzV8kHw$hgC0x0ufah.N0PzUVvhLEMnoww5lo.JBmeLSsRNDkgWVylC55Gk6zA1KWsn.SiIAAIDEqHxtugGZWHl1qMex..', 1);
insert into users values('leeo@example.net', '{PLAIN-MD5}5f4dcc3b5aa765d61d8327deb882cf99', 1);
insert into aliases values('postmaster@example.org', 'frank@example.org'),('postmaster@example.net', 'frank@example.org'),
  ('all@example.org', 'frank@example.org'),('all@example.org', 'leeo@example.net');
)";

struct PkeyFree {
  void operator()(EVP_PKEY_CTX* one) const { EVP_PKEY_CTX_free(one); }
};

KeyPtr new_key() {
  std::unique_ptr<EVP_PKEY_CTX, PkeyFree> context(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(context.get());
  EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), NID_X9_62_prime256v1);
  EVP_PKEY_keygen(context.get(), &key);
  return KeyPtr(key);
}

template <class Write>
std::string pem_text(Write write) {
  BIO* out = BIO_new(BIO_s_mem());
  write(out);
  char* data = nullptr;
  auto size = BIO_get_mem_data(out, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(out);
  return text;
}

}  // namespace

FixtureHost::FixtureHost() {
  char name[] = "/tmp/dovetail-check-XXXXXX";
  directory_ = mkdtemp(name);
  user_ = getpwuid(geteuid())->pw_name;
  group_ = getgrgid(getegid())->gr_name;
  // Root may not own the queue, nor read mail for users: a usual system user stands in.
  if (geteuid() == 0) {
    user_ = "nobody";
    group_ = getgrgid(getpwnam("nobody")->pw_gid)->gr_name;
  }
  for (auto folder : {"etc", "spool", "data", "daemons", "run", "mail"})
    std::filesystem::create_directories(path(folder));
  for (auto folder : kQueueFolders)
    std::filesystem::create_directories(path(format("spool/{}", folder)));
  for (auto daemon : kDaemons) write(format("daemons/{}", daemon), "", 0755);
  write("etc/main.cf", kMainCf);
  write("etc/master.cf", kMasterCf);
  write("etc/dovecot.conf", kDovecotConf);
  write("etc/aliases", "root frank@example.org\npostmaster root\n");
  write("etc/domains.cf",
        "dbpath = @/mail.sqlite\nquery = SELECT 1 FROM domains WHERE name='%%s'\n");
  write("etc/users.cf",
        "dbpath = @/mail.sqlite\nquery = SELECT 1 FROM users WHERE email='%%s' AND active=1\n");
  write("etc/virtual.cf",
        "dbpath = @/mail.sqlite\nquery = SELECT destination FROM aliases WHERE source='%%s'\n");
  write("etc/dovecot-sql.conf.ext",
        "driver = sqlite\nconnect = @/mail.sqlite\ndefault_pass_scheme = SHA512-CRYPT\n"
        "password_query = SELECT email AS user, password FROM users WHERE email='%%u' AND "
        "active=1\n");
  sqlite("mail.sqlite", std::string(kSchema));
  certificate("cert.pem", "key.pem", "mail.example.org");
  chmod(directory_.c_str(), 0755);
  if (geteuid() != 0) return;
  auto* owner = getpwnam(user_.c_str());
  for (auto folder : kQueueFolders)
    (void)!chown(path(format("spool/{}", folder)).c_str(), owner->pw_uid, owner->pw_gid);
  for (auto folder : {"data", "mail"})
    (void)!chown(path(folder).c_str(), owner->pw_uid, owner->pw_gid);
}

FixtureHost::~FixtureHost() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string FixtureHost::filled(std::string_view text) const {
  auto made = base::replace_all(text, "%%", "\x01");
  made = base::replace_all(base::replace_all(made, "%", group_), "&", user_);
  return base::replace_all(base::replace_all(made, "@/", directory_ + "/"), "\x01", "%");
}

void FixtureHost::write(const std::string& name, std::string_view text, unsigned mode) {
  std::filesystem::create_directories(base::dirname(path(name)));
  auto written = base::replace_file(path(name), filled(text), mode);
  if (!written) throw std::runtime_error(written.error().text);
}

void FixtureHost::remove(const std::string& name) {
  std::filesystem::remove_all(path(name));
}

void FixtureHost::edit(const std::string& name, std::string_view what, std::string_view with) {
  auto text = *base::read_file(path(name));
  auto old = filled(what);
  if (text.find(old) == text.npos) throw std::runtime_error(format("{}: no \"{}\"", name, old));
  auto made = base::replace_file(path(name), base::replace_all(text, old, filled(with)), 0644);
  if (!made) throw std::runtime_error(made.error().text);
}

void FixtureHost::append(const std::string& name, std::string_view text) {
  auto old = *base::read_file(path(name));
  auto made = base::replace_file(path(name), old + filled(text), 0644);
  if (!made) throw std::runtime_error(made.error().text);
}

void FixtureHost::sqlite(const std::string& name, const std::string& statements) {
  sqlite3* database = nullptr;
  sqlite3_open(path(name).c_str(), &database);
  char* error = nullptr;
  // A hundred hosts are made, none outlives its test.
  auto unsynced = "PRAGMA synchronous = OFF;" + statements;
  sqlite3_exec(database, unsynced.c_str(), nullptr, nullptr, &error);
  std::string text = error ? error : "";
  sqlite3_free(error);
  sqlite3_close(database);
  if (!text.empty()) throw std::runtime_error(text);
  chmod(path(name).c_str(), 0644);
}

void FixtureHost::certificate(const std::string& cert, const std::string& key_name,
                              const std::string& host, int days, const std::string& issuer) {
  auto key = new_key();
  X509Ptr made(X509_new());
  auto* one = made.get();
  X509_set_version(one, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(one), 1);
  X509_gmtime_adj(X509_getm_notBefore(one), -400L * 24 * 3600);
  X509_gmtime_adj(X509_getm_notAfter(one), days * 24L * 3600 + 3600);
  auto* name = X509_get_subject_name(one);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
  if (!issuer.empty()) name = X509_get_issuer_name(one);
  if (!issuer.empty())
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(issuer.c_str()), -1, -1, 0);
  X509_set_issuer_name(one, name);
  X509_set_pubkey(one, key.get());
  auto names = "DNS:" + host;
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  X509_add_ext(one, extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(one, key.get(), EVP_sha256());
  auto write_pem = [&](const std::string& file, const std::string& text, mode_t mode) {
    (void)base::replace_file(path(file), text, mode);
  };
  write_pem(cert, pem_text([&](BIO* out) { PEM_write_bio_X509(out, one); }), 0644);
  write_pem(key_name, pem_text([&](BIO* out) {
              PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            }),
            0600);
}

Report FixtureHost::report(std::string_view rule) {
  SiteOptions options;
  options.postfix_directory = path("etc");
  options.dovecot_conf = path("etc/dovecot.conf");
  options.dovecot_expected = true;
  options.dns = dns;
  options.hash_checker = DOVETAIL_CHECK_HASHES;
  net::Loop loop;
  Site site(loop, options, surroundings);
  Report report;
  if (!run_rules(site, report, rule)) throw std::runtime_error("no such rule");
  return report;
}

std::string FixtureHost::says(std::string_view rule) {
  return base::replace_all(report(rule).text(), directory_ + "/", "@/");
}

}  // namespace dovetail::check
