// main() of doveadm-auth: finds the command by its name. The commands are in the files beside this one.
// SPDX-License-Identifier: Apache-2.0
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iterator>

#include "authd/doveadm/doveadm_auth.h"
#include "common/base/log.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

struct DoveadmCommand {
  std::string_view name;
  int (*run)(const DoveadmContext&, const DoveadmWords&);
};
constexpr DoveadmCommand doveadm_commands[] = {
    {"pw", doveadm_pw},
    {"auth", doveadm_auth},
    {"user", doveadm_user},
};

// Switches a terminal's echo off while it lives.
class EchoOff {
 public:
  explicit EchoOff(int fd) : fd_(fd) {
    on_ = tcgetattr(fd_, &before_) == 0;
    if (!on_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd_, TCSAFLUSH, &silent);
  }
  ~EchoOff() {
    if (on_) tcsetattr(fd_, TCSAFLUSH, &before_);
  }

 private:
  int fd_;
  bool on_ = false;
  termios before_{};
};

}  // namespace

Result<std::shared_ptr<const conf::dovecot::View>> DoveadmContext::view() const {
  auto tree = conf::dovecot::load(config_path, overrides);
  if (!tree) return tree.error();
  conf::dovecot::Selector who;
  who.protocol = "doveadm";
  return tree->view(who);
}

DoveadmOptions read_doveadm_options(const DoveadmWords& words, const char* letters) {
  DoveadmOptions read;
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const auto argc = static_cast<int>(words.size());
  optind = 0;
  int letter;
  while ((letter = getopt(argc, argv.data(), letters)) != -1) {
    if (letter == '?') read.bad = true;
    read.options.push_back({static_cast<char>(letter), optarg ? optarg : ""});
  }
  for (int i = optind; i < argc; ++i) read.arguments.emplace_back(argv[static_cast<size_t>(i)]);
  return read;
}

int doveadm_fatal(std::string_view text, int status) {
  fmt::print(stderr, "Fatal: {}\n", text);
  return status;
}

void doveadm_error(std::string_view text) {
  fmt::print(stderr, "Error: {}\n", text);
}

Result<Secret> read_password(const char* prompt) {
  std::string line;
  {
    const bool terminal = isatty(STDIN_FILENO);
    EchoOff echo(STDIN_FILENO);
    if (terminal) fmt::print(stderr, "{}", prompt);
    int c;
    while ((c = getchar()) != EOF && c != '\n') line += static_cast<char>(c);
    if (terminal) fmt::print(stderr, "\n");
    if (c == EOF && line.empty()) return temporary("read(stdin) failed: end of file");
  }
  Secret password(line);
  base::wipe(line);
  return password;
}

void print_field_list(std::string_view user, std::optional<std::string_view> raw) {
  fmt::print("  {:<10}: {}\n", "user", user);
  if (!raw) return;
  for (auto word : base::split(*raw, '\t')) {
    auto [name, value] = base::cut(word, '=');
    if (value)
      fmt::print("  {:<10}: {}\n", name, proto::tab_unescape(*value));
    else
      fmt::print("  {:<10}\n", name);
  }
}

void add_auth_info(proto::AuthFields& fields, const std::string& word) {
  auto [name, value] = base::cut(word, '=');
  if (value)
    fields.add(std::string(name), std::string(*value));
  else
    fields.add_flag(word);
}

// doveadm-auth [-c FILE] [-o setting=value] [-Dv] [-f formatter] COMMAND ...
int run_doveadm_auth(int argc, char** argv) {
  DoveadmContext context{"/etc/dovecot/dovecot.conf", {}};
  auto options = read_doveadm_options(DoveadmWords(argv, argv + argc), "+c:o:Dvf:i:");
  if (options.bad || options.arguments.empty()) return kDoveadmUsage;
  for (const auto& option : options.options) {
    if (option.letter == 'c') context.config_path = option.value;
    if (option.letter != 'o') continue;
    auto [key, value] = base::cut(option.value, '=');
    context.overrides.push_back({std::string(key), std::string(value.value_or("yes"))});
  }
  for (const auto& command : doveadm_commands) {
    if (command.name == options.arguments[0]) return command.run(context, options.arguments);
  }
  fmt::print(stderr, "doveadm-auth: no such command: {}\n", options.arguments[0]);
  return kDoveadmUsage;
}

}  // namespace dovetail::authd

int main(int argc, char** argv) {
  dovetail::base::LogTarget target;
  target.style = dovetail::base::LogStyle::dovecot;
  dovetail::base::open_log(target);
  return dovetail::authd::run_doveadm_auth(argc, argv);
}
