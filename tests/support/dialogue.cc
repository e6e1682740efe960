// SPDX-License-Identifier: Apache-2.0
#include "tests/support/dialogue.h"

#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/net/conn.h"

namespace dovetail::tests {

using base::format;

namespace {

constexpr size_t kReplyLimit = 65536;

struct StepWord {
  std::string_view word;
  DialogueStep::Kind kind;
};

// Longer words first: "<..." before "<".
constexpr StepWord step_words[] = {
    {"<...", DialogueStep::multi}, {"<=", DialogueStep::equals}, {"<~", DialogueStep::matches},
    {"<eof", DialogueStep::eof},   {"<", DialogueStep::begins},  {"!!", DialogueStep::not_logged},
    {"!", DialogueStep::logged},
};

std::optional<std::string> unescape_bytes(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    switch (text[i]) {
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case '0':
        out += '\0';
        break;
      case '\\':
        out += '\\';
        break;
      case 'x': {
        auto value = base::parse_number<unsigned>(text.substr(i + 1, 2), 16);
        if (!value || i + 2 >= text.size()) return std::nullopt;
        out += static_cast<char>(*value);
        i += 2;
        break;
      }
      default:
        return std::nullopt;
    }
  }
  return out;
}

std::string_view after_word(std::string_view line, size_t word) {
  line.remove_prefix(word);
  if (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  return line;
}

std::optional<DialogueStep> parse_step(std::string_view line, size_t number) {
  if (line == "tls") return DialogueStep{DialogueStep::tls, "", number};
  if (line == "close") return DialogueStep{DialogueStep::close, "", number};
  if (line.substr(0, 2) == ">>") {
    auto bytes = unescape_bytes(after_word(line, 2));
    if (!bytes) return std::nullopt;
    return DialogueStep{DialogueStep::send, *bytes, number};
  }
  if (line.front() == '>') {
    return DialogueStep{DialogueStep::send, std::string(after_word(line, 1)) + "\r\n", number};
  }
  for (auto& step : step_words) {
    if (line.substr(0, step.word.size()) != step.word) continue;
    bool log = step.kind == DialogueStep::logged || step.kind == DialogueStep::not_logged;
    auto text = after_word(line, step.word.size());
    return DialogueStep{step.kind, std::string(log ? base::trim_left(text) : text), number};
  }
  return std::nullopt;
}

}  // namespace

Result<Dialogue> Dialogue::parse(std::string_view text, std::string path) {
  Dialogue dialogue;
  dialogue.path = std::move(path);
  size_t number = 0;
  for (auto line : base::split(text, '\n')) {
    ++number;
    line = base::trim_right(line, "\r");
    if (line.empty()) continue;
    if (line.front() == '#') {
      if (dialogue.title.empty()) dialogue.title = base::trim(line.substr(1));
      continue;
    }
    if (line.substr(0, 4) == "set ") {
      auto [name, value] = base::cut(line.substr(4), '=');
      if (!value) return config_error(format("{}:{}: set without =", dialogue.path, number));
      dialogue.settings[std::string(base::trim(name))] = base::trim(*value);
      continue;
    }
    auto step = parse_step(line, number);
    if (!step)
      return config_error(format("{}:{}: not understood: {}", dialogue.path, number, line));
    dialogue.steps.push_back(std::move(*step));
  }
  return dialogue;
}

Result<Dialogue> Dialogue::load(const std::string& path) {
  auto text = base::read_file(path);
  if (!text) return text.error();
  return parse(*text, path);
}

bool Dialogue::may(std::string_view mode) const {
  auto found = settings.find("modes");
  if (found == settings.end()) return true;
  auto allowed = base::words(found->second);
  return std::find(allowed.begin(), allowed.end(), mode) != allowed.end();
}

bool matches_pattern(std::string_view pattern, std::string_view text) {
  auto star = pattern.find('*');
  if (star == pattern.npos) return pattern == text;
  if (text.substr(0, star) != pattern.substr(0, star) || text.size() < star) return false;
  auto rest = pattern.substr(star + 1);
  for (size_t at = star; at <= text.size(); ++at) {
    if (matches_pattern(rest, text.substr(at))) return true;
  }
  return false;
}

std::vector<std::string> dialogue_files(const std::string& directory) {
  std::vector<std::string> paths;
  auto names = base::list_directory(directory);
  if (!names) return paths;
  for (auto& name : *names) {
    if (name.size() > 4 && name.substr(name.size() - 4) == ".dlg")
      paths.push_back(directory + "/" + name);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

namespace {

// One playing: the client's coroutine and what it has found out.
class Player {
 public:
  Player(Loop& loop, const Dialogue& dialogue, DialogueMode mode, Fd client)
      : loop_(loop), dialogue_(dialogue), mode_(mode), conn_(loop, std::move(client)) {
    conn_.set_deadline(base::monotonic_now() + base::Milliseconds(10000));
  }

  Task<> run() {
    size_t at = 0;
    try {
      if (mode_ == DialogueMode::pipelined) co_await send_all();
      for (; at < dialogue_.steps.size() && problem_.empty(); ++at)
        co_await step(dialogue_.steps[at]);
    } catch (const IoError& error) {
      report(dialogue_.steps[at], error.message());
    }
    conn_.shutdown_write();
    done_ = true;
  }

  void add_log(std::string line) {
    log_ += line + "\n";
    lines_.push_back(std::move(line));
  }
  void check_log() {
    for (auto& step : dialogue_.steps) {
      if (step.kind != DialogueStep::logged && step.kind != DialogueStep::not_logged) continue;
      auto same = [&](const std::string& line) { return matches_pattern(step.text, line); };
      bool found = std::any_of(lines_.begin(), lines_.end(), same);
      if (found == (step.kind == DialogueStep::logged)) continue;
      if (problem_.empty()) report(step, "the log is\n" + log_);
    }
  }
  const std::string& problem() const { return problem_; }
  bool done() const { return done_; }

 private:
  void report(const DialogueStep& step, const std::string& got) {
    problem_ = format("{}:{}: expected \"{}\", got {}", dialogue_.path, step.line, step.text, got);
  }

  Task<> send_all() {
    for (auto& step : dialogue_.steps) {
      if (step.kind == DialogueStep::send) conn_.put(step.text);
    }
    co_await conn_.flush();
  }

  Task<> send_bytes(const std::string& bytes) {
    for (char c : bytes) {
      conn_.put(std::string_view(&c, 1));
      co_await conn_.flush();
      co_await loop_.yield();
    }
  }

  Task<> send_step(const DialogueStep& step) {
    if (mode_ == DialogueMode::pipelined) co_return;
    // A server that has closed is found out by what is read next.
    try {
      if (mode_ == DialogueMode::bytes) {
        co_await send_bytes(step.text);
      } else {
        conn_.put(step.text);
        co_await conn_.flush();
      }
    } catch (const IoError& error) {
      if (error.why == IoError::timeout) throw;
    }
  }

  // Lines until one begins with the text and ends the reply there ("250 ", not "250-").
  Task<> expect_multi(const DialogueStep& step) {
    for (;;) {
      auto line = co_await conn_.read_line(kReplyLimit);
      auto text = line.text;
      if (text.substr(0, step.text.size()) != step.text) {
        if (base::is_digit(text.empty() ? 'x' : text[0]) &&
            text.substr(0, 3) != step.text.substr(0, 3)) {
          report(step, "\"" + std::string(text) + "\"");
          co_return;
        }
        continue;
      }
      if (text.size() == step.text.size() || text[step.text.size()] == ' ') co_return;
    }
  }

  Task<> expect_line(const DialogueStep& step) {
    auto line = co_await conn_.read_line(kReplyLimit);
    std::string text(line.text);
    bool good = step.kind == DialogueStep::equals ? text == step.text
                : step.kind == DialogueStep::matches
                    ? matches_pattern(step.text, text)
                    : text.substr(0, step.text.size()) == step.text;
    if (!good) report(step, "\"" + text + "\"");
  }

  Task<> expect_eof(const DialogueStep& step) {
    std::string text;
    try {
      auto line = co_await conn_.read_line(kReplyLimit);
      text = line.text;
    } catch (const IoError& error) {
      if (error.why == IoError::eof || error.why == IoError::error) co_return;
      text = error.message();
    }
    report(step, "\"" + text + "\" instead of the end");
  }

  Task<> start_tls() {
    net::TlsSettings settings;
    auto context = net::TlsContext::client(settings);
    if (!context) {
      problem_ = context.error().text;
      co_return;
    }
    co_await conn_.start_tls_client(*context, "");
  }

  Task<> step(const DialogueStep& step) {
    switch (step.kind) {
      case DialogueStep::send:
        co_await send_step(step);
        break;
      case DialogueStep::multi:
        co_await expect_multi(step);
        break;
      case DialogueStep::begins:
      case DialogueStep::equals:
      case DialogueStep::matches:
        co_await expect_line(step);
        break;
      case DialogueStep::eof:
        co_await expect_eof(step);
        break;
      case DialogueStep::tls:
        co_await start_tls();
        break;
      case DialogueStep::close:
        conn_.shutdown_write();
        break;
      case DialogueStep::logged:
      case DialogueStep::not_logged:
        break;
    }
  }

  Loop& loop_;
  const Dialogue& dialogue_;
  DialogueMode mode_;
  Conn conn_;
  std::string problem_, log_;
  std::vector<std::string> lines_;
  bool done_ = false;
};

std::string_view level_words(base::Level level) {
  switch (level) {
    case base::Level::warning:
      return "warning: ";
    case base::Level::error:
      return "error: ";
    case base::Level::fatal:
      return "fatal: ";
    case base::Level::panic:
      return "panic: ";
    default:
      return "";
  }
}

Task<> both_sides(Loop& loop, Player& player, const DialogueServer& server, Fd server_fd) {
  std::vector<Task<>> sides;
  sides.push_back(server(std::move(server_fd)));
  sides.push_back(player.run());
  co_await net::when_all(loop, std::move(sides));
}

}  // namespace

std::string play(Loop& loop, const Dialogue& dialogue, DialogueMode mode,
                 const DialogueServer& server) {
  signal(SIGPIPE, SIG_IGN);  // as every daemon does: OpenSSL writes without MSG_NOSIGNAL
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
    return "socketpair";
  Fd server_fd(pair[0]);
  Player player(loop, dialogue, mode, Fd(pair[1]));
  base::capture_log([&](base::Level level, std::string_view, std::string_view text) {
    if (level != base::Level::debug)
      player.add_log(std::string(level_words(level)) + std::string(text));
  });
  std::string thrown;
  try {
    net::run_until_done(loop, both_sides(loop, player, server, std::move(server_fd)));
  } catch (const IoError& error) {
    thrown = "the server ended with " + error.message();
  } catch (const std::exception& error) {
    thrown = format("the server ended with {}", error.what());
  }
  base::capture_log({});
  player.check_log();
  return player.problem().empty() ? thrown : player.problem();
}

}  // namespace dovetail::tests
