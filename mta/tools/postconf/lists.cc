// postconf -a -A -l -m -T: what this build can do. -t and -b: bounce(8) knows the templates.
// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/text.h"
#include "lookup/type_list.h"
#include "mta/tools/postconf/postconf.h"

namespace dovetail::mta::postconf {
namespace {

// Kinds of keys that a server certificate may have (smtpd_tls_cert_file, smtpd_tls_dcert_file, smtpd_tls_eccert_file).
void put_public_key_algorithms() {
  put_line("dsa\necdsa\nrsa");
}

#ifdef OPENSSL_SHLIB_VERSION
#define DOVETAIL_TEXT(x) #x
#define DOVETAIL_VALUE(x) DOVETAIL_TEXT(x)
constexpr const char* kCryptoLibrary = "libcrypto.so." DOVETAIL_VALUE(OPENSSL_SHLIB_VERSION);
#undef DOVETAIL_VALUE
#undef DOVETAIL_TEXT
#else
constexpr const char* kCryptoLibrary = "libcrypto.so.1.1";
#endif

// Loaded only here: otherwise every postconf would wait for a library it does not use.
std::string version_of_library() {
  void* library = ::dlopen(kCryptoLibrary, RTLD_LAZY | RTLD_LOCAL);
  auto* version = library
                      ? reinterpret_cast<const char* (*)(int)>(::dlsym(library, "OpenSSL_version"))
                      : nullptr;
  if (!version) fatal(format("load {}: {}", kCryptoLibrary, ::dlerror()));
  return version(OPENSSL_VERSION);
}

int show_tls(const std::string& mode) {
  if (mode == "compile-version") {
    put_line(OPENSSL_VERSION_TEXT);
  } else if (mode == "run-version") {
    put_line(version_of_library());
  } else if (mode == "public-key-algorithms") {
    put_public_key_algorithms();
  } else {
    warning(format("unknown 'postconf -T' mode: {}", mode));
    return 1;
  }
  return 0;
}

}  // namespace

int show_lists(const Options& options) {
  if (options.has('T')) return show_tls(options.tls_mode);
  // smtpd asks an auth server over Dovecot's protocol; the client's mechanisms go by the incumbent's name of the type.
  if (options.has('a')) put_line("dovecot");
  if (options.has('A')) put_line("cyrus");
  if (options.has('l')) put_line("flock\nfcntl\ndotlock");
  if (options.has('m')) {
    for (std::string_view type : lookup::listed_types()) put_line(type);
  }
  return 0;
}

// The templates are those of the daemon that sends bounces; it prints them.
int show_templates(const Options& options) {
  char mode = options.has('b') ? 'b' : 't';
  if (options.arguments.size() > 1) fatal("options -b and -t require at most one template file");
  auto cf =
      conf::MainCf::load(options.config_directory, options.overrides, {.process_name = "postconf"});
  if (!cf) fatal(cf.error().text);
  std::string program = cf->get("daemon_directory") + "/bounce";
  std::string what = mode == 'b' ? "-SVnexpand_templates" : "-SVndump_templates";
  std::string file =
      options.arguments.empty() ? "" : "-obounce_template_file=" + options.arguments[0];
  std::string name = "bounce";
  char* argv[] = {name.data(), what.data(), file.empty() ? nullptr : file.data(), nullptr};
  ::execv(program.c_str(), argv);
  fatal(errno_error("exec " + program, errno).text);
}

}  // namespace dovetail::mta::postconf
