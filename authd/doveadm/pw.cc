// doveadm pw: makes and checks password hashes. -l -p password -r rounds -s scheme -t hash -u user -V
// SPDX-License-Identifier: Apache-2.0
#include "authd/doveadm/doveadm_auth.h"
#include "authd/scheme/scheme.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

constexpr char kPwUsage[] =
    "doveadm pw [-l] [-p plaintext] [-r rounds] [-s scheme] [-t hash] [-u user] [-V]\n";

struct PwOptions {
  std::optional<Secret> password;
  std::string scheme = "CRYPT", user, hash;
  unsigned rounds = 0;
  bool list = false, verify = false, test = false;
};

// "": the hash verifies; else what doveadm says of it.
std::string check_hash(const Attempt& attempt, std::string_view hash) {
  const auto stored = split_scheme(hash);
  auto checked = verify_password(attempt, stored);
  switch (checked.verdict) {
    case Verdict::match:
      return {};
    case Verdict::mismatch:
      return "reverse password verification check failed: Password mismatch";
    case Verdict::unknown_scheme:
      return "reverse decode check failed: Unknown scheme";
    case Verdict::invalid:
      break;
  }
  if (checked.not_decoded) return "reverse decode check failed: " + checked.error;
  return "reverse password verification check failed: " + checked.error;
}

Result<Secret> ask_twice() {
  auto first = read_password("Enter new password: ");
  if (!first) return first.error();
  auto second = read_password("Retype new password: ");
  if (!second) return second.error();
  if (!(*first == *second)) return permanent("Passwords don't match!");
  return first;
}

int test_hash(PwOptions& options) {
  if (!options.hash.starts_with('{')) return doveadm_fatal("Missing {scheme} prefix from hash");
  if (!options.password) {
    auto typed = read_password("Enter password to verify: ");
    if (!typed) return doveadm_fatal(typed.error().text);
    options.password = std::move(*typed);
  }
  const auto wrong = check_hash({*options.password, options.user, 0}, options.hash);
  if (!wrong.empty()) return doveadm_fatal(wrong);
  fmt::print("{} (verified)\n", options.hash);
  return kDoveadmOk;
}

int make_hash(PwOptions& options) {
  if (!find_scheme(options.scheme))
    return doveadm_fatal("Unknown scheme: " + base::upper(options.scheme));
  if (!options.password) {
    auto typed = ask_twice();
    if (!typed) return doveadm_fatal(typed.error().text);
    options.password = std::move(*typed);
  }
  const Attempt attempt{*options.password, options.user, options.rounds};
  auto made = generate_password(attempt, options.scheme);
  if (!made) return doveadm_fatal(made.error().text);
  const std::string hash = format("{{{}}}{}", base::upper(options.scheme), *made);
  if (options.verify) {
    const auto wrong = check_hash(attempt, hash);
    if (!wrong.empty()) return doveadm_fatal(wrong);
  }
  fmt::print("{}{}\n", hash, options.verify ? " (verified)" : "");
  return kDoveadmOk;
}

}  // namespace

int doveadm_pw(const DoveadmContext&, const DoveadmWords& words) {
  PwOptions options;
  auto read = read_doveadm_options(words, "lp:r:s:t:u:V");
  if (read.bad) return kDoveadmUsage;
  for (const auto& option : read.options) {
    switch (option.letter) {
      case 'l':
        options.list = true;
        break;
      case 'p':
        options.password = Secret(option.value);
        break;
      case 'r': {
        const auto rounds = base::parse_number<unsigned>(option.value);
        if (!rounds) return doveadm_fatal(format("Invalid number of rounds: {}", option.value));
        options.rounds = *rounds;
        break;
      }
      case 's':
        options.scheme = option.value;
        break;
      case 't':
        options.hash = option.value, options.test = true;
        break;
      case 'u':
        options.user = option.value;
        break;
      default:
        options.verify = true;
        break;
    }
  }
  if (!read.arguments.empty()) {
    fmt::print(stderr, "{}", kPwUsage);
    return kDoveadmUsage;
  }
  if (options.list) {
    for (auto name : scheme_names()) fmt::print("{} ", name);
    fmt::print("\n");
    return kDoveadmOk;
  }
  return options.test ? test_hash(options) : make_hash(options);
}

}  // namespace dovetail::authd
