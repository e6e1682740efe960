// SPDX-License-Identifier: Apache-2.0
#include "lookup/build/command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/service/run_postfix.h"
#include "conf/postfix/common_parameters.h"
#include "conf/postfix/common_parameters.h"
#include "lookup/build/message_keys.h"
#include "lookup/source.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

constexpr size_t kKeysAtOnce = 256;  // of standard input, in flight together
constexpr unsigned kConnections = 8;
constexpr size_t kReadCache = size_t{256} << 20;  // for many keys: the whole of most tables

}  // namespace

MapCommand::MapCommand(const CommandProgram& program, CommandOptions options)
    : program_(program), options_(std::move(options)), log_(program.name) {
  conf::LoadOptions load;
  load.process_name = program.name;
  load.warn = [this](const std::string& text) { log_.warning("{}", text); };
  auto main_cf =
      conf::MainCf::load(conf::config_directory(options_.config_directory), {}, std::move(load));
  if (!main_cf) fatal(main_cf.error().text);
  if (auto valid = conf::check_common_parameters(*main_cf); !valid) fatal(valid.error().text);
  main_cf_ = std::make_unique<conf::MainCf>(std::move(*main_cf));
  if (auto valid = conf::check_common_parameters(*main_cf_); !valid) fatal(valid.error().text);
  utf8_ = options_.utf8_on ||
          (!options_.utf8_off && base::iequals(main_cf_->get("smtputf8_enable"), "yes"));
  auto target = service::postfix_log_target(*main_cf_);
  target.to_stderr = true;
  target.tag_prefix = main_cf_->get("syslog_name") + "/";
  base::open_log(target);
}

void MapCommand::fatal(std::string_view text) const {
  fflush(stdout);
  command_fatal(log_, text);
}

int MapCommand::run() {
  bool from_input = options_.query && *options_.query == "-";
  if ((options_.header || options_.body || options_.mime) && !from_input) {
    fatal("specify -b -h or -m only with \"-q -\"");
  }
  if (options_.mime && !options_.header && !options_.body)
    log_.warning("ignoring -m option without -b or -h");
  int status = 0;
  if (options_.remove)
    status = remove();
  else if (options_.query)
    status = *options_.query == "-" ? query_input() : query(*options_.query);
  else if (options_.dump)
    status = dump();
  else
    for (auto& table : options_.tables) make(table);
  if (fflush(stdout) != 0) fatal(format("write output: {}", strerror(errno)));
  return status;
}

std::string MapCommand::with_type(const std::string& table) const {
  if (table.find(':') != std::string::npos) return table;
  return main_cf_->get("default_database_type") + ":" + table;
}

std::unique_ptr<Table> MapCommand::open(const std::string& table) {
  OpenOptions open_options{log_};
  open_options.fold = options_.fold;
  open_options.utf8 = utf8_;
  open_options.values_are_files = options_.files;
  open_options.connections = kConnections;
  open_options.command = true;
  if (options_.query == "-") open_options.read_cache = kReadCache;
  auto opened = open_table(loop_, *main_cf_, with_type(table), open_options);
  if (!opened) fatal(opened.error().text);
  return std::move(*opened);
}

void MapCommand::query_error(const Table* table, const Error& error) {
  if (error.fault == Fault::config) fatal(error.text);
  fatal(format("table {}: query error: {}", table->name(), error.text));
}

void MapCommand::check_answer(const Table& table, std::string_view key, const std::string& value) {
  if (!value.empty()) return;
  log_.warning("table {}: key {}: empty string result is not allowed", table.name(),
               base::printable(key, true));
  log_.warning("table {} should return NO RESULT in case of NOT FOUND", table.name());
}

int MapCommand::query(const std::string& key) {
  // One table after the other is opened: a later one that is broken does not matter to a key found before.
  for (auto& name : options_.tables) {
    open_tables_.clear();
    open_tables_.push_back(open(name));
    Result<Found> answer = Found();
    const Table* by = nullptr;
    net::run_until_done(loop_, ask_one(key, answer, by));
    if (!answer) query_error(by, answer.error());
    if (!*answer) continue;
    check_answer(*by, key, **answer);
    puts((*answer)->c_str());
    return 0;
  }
  return 1;
}

Task<Result<Found>> MapCommand::ask(std::string_view key, const Table*& by) {
  for (auto& table : open_tables_) {
    by = table.get();
    auto now = table->try_now(key);
    if (!now) {
      auto found = co_await table->lookup(key);
      now.emplace(std::move(found));
    }
    if (!*now || **now) co_return std::move(*now);
  }
  co_return Found();
}

Task<> MapCommand::ask_one(std::string key, Result<Found>& answer, const Table*& by) {
  auto found = co_await ask(key, by);
  answer = std::move(found);
}

// Asks for several keys and prints the answers in the order of the keys: first the tables that can answer at once, each held
// for all keys, then those that must wait, for all remaining keys side by side.
Task<> MapCommand::ask_all(const std::vector<std::string>& keys, bool& found_any) {
  std::vector<Answer> answers(keys.size());
  bool all = ask_at_once(keys, answers);
  if (!all) {
    std::vector<Task<>> tasks;
    for (size_t at = 0; at < keys.size(); ++at) {
      if (!answers[at].known)
        tasks.push_back(ask_one(keys[at], answers[at].result, answers[at].by));
    }
    co_await net::when_all(loop_, std::move(tasks));
  }
  std::string lines;
  for (size_t at = 0; at < keys.size(); ++at) {
    auto& answer = answers[at].result;
    if (!answer) {
      fwrite(lines.data(), 1, lines.size(), stdout);
      query_error(answers[at].by, answer.error());
    }
    if (!*answer) continue;
    check_answer(*answers[at].by, keys[at], **answer);
    lines += keys[at];
    lines += program_.separator;
    lines += **answer;
    lines += '\n';
    found_any = true;
  }
  fwrite(lines.data(), 1, lines.size(), stdout);
}

// False: some keys are not known yet.
bool MapCommand::ask_at_once(const std::vector<std::string>& keys, std::vector<Answer>& answers) {
  bool all = true;
  for (auto& table : open_tables_) table->hold();
  for (size_t at = 0; at < keys.size(); ++at) {
    auto& answer = answers[at];
    answer.known = true;
    for (auto& table : open_tables_) {
      answer.by = table.get();
      auto now = table->try_now(keys[at]);
      answer.known = now.has_value();
      if (now) answer.result = std::move(*now);
      if (!now || !answer.result || *answer.result) break;
    }
    all = all && answer.known;
  }
  for (auto& table : open_tables_) table->release();
  return all;
}

namespace {

// Lines of standard input as they come: those complete so far, at most so many; false at the end.
bool read_input_lines(std::string& buffer, std::vector<std::string>& lines, bool& at_end) {
  lines.clear();
  size_t from = 0;
  while (true) {
    auto end = buffer.find('\n', from);
    if (end != std::string::npos) {
      lines.push_back(buffer.substr(from, end - from));
      from = end + 1;
      if (lines.size() < kKeysAtOnce) continue;
    }
    if (!lines.empty() || at_end) break;
    char chunk[65536];
    ssize_t got = ::read(STDIN_FILENO, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      at_end = true;
    else
      buffer.append(chunk, static_cast<size_t>(got));
  }
  buffer.erase(0, from);
  if (lines.empty() && !buffer.empty()) {
    lines.push_back(buffer);
    buffer.clear();
  }
  return !lines.empty();
}

}  // namespace

int MapCommand::query_input() {
  for (auto& name : options_.tables) open_tables_.push_back(open(name));
  bool found_any = false;
  if (options_.header || options_.body) {
    auto message = base::read_all(STDIN_FILENO);
    if (!message) fatal(message.error().text);
    auto keys = message_keys(*message, options_.header, options_.body, options_.mime);
    net::run_until_done(loop_, ask_all(keys, found_any));
    return found_any ? 0 : 1;
  }
  std::string buffer;
  std::vector<std::string> keys;
  bool at_end = false;
  while (read_input_lines(buffer, keys, at_end)) {
    net::run_until_done(loop_, ask_all(keys, found_any));
    fflush(stdout);
  }
  return found_any ? 0 : 1;
}

int MapCommand::remove() {
  std::vector<std::string> keys{*options_.remove};
  bool from_input = *options_.remove == "-";
  if (from_input) {
    auto text = base::read_all(STDIN_FILENO);
    if (!text) fatal(text.error().text);
    keys.clear();
    for (auto line : base::split(*text, '\n')) {
      if (!line.empty()) keys.emplace_back(line);
    }
  }
  bool removed_any = false;
  for (auto& table : options_.tables) {
    auto typed = with_type(table);
    auto [type, name] = base::cut(typed, ':');
    WriteOptions write;
    write.key_end = options_.key_end;
    auto writer = open_writer(type, std::string(name.value_or("")), write);
    if (!writer) fatal(writer.error().text);
    for (auto& key : keys) {
      auto removed = (*writer)->remove(options_.fold ? fold_key(key, utf8_) : key);
      if (!removed) fatal(removed.error().text);
      removed_any = removed_any || *removed;
    }
    if (auto done = (*writer)->finish(); !done) fatal(done.error().text);
    if (removed_any && !from_input) break;
  }
  return removed_any ? 0 : 1;
}

int MapCommand::dump() {
  auto table = open(options_.tables.front());
  for (bool first = true;; first = false) {
    auto entry = table->next(first);
    if (!entry) fatal(entry.error().text);
    if (!*entry) return 0;
    auto line = format("{}{}{}\n", (*entry)->first, program_.separator, (*entry)->second);
    fwrite(line.data(), 1, line.size(), stdout);
  }
}

void MapCommand::enter(Writer& writer, std::string_view key, std::string_view value) {
  std::string folded = options_.fold ? fold_key(key, utf8_) : std::string(key);
  std::string content;
  if (options_.files) {
    OpenOptions as_files{log_};
    as_files.values_are_files = true;
    auto text = file_value(value, as_files);
    if (!text) {
      log_.warning("{}: {}: skipping this entry", at_, text.error().text);
      return;
    }
    content = base::base64(*text);
    value = content;
  }
  if (options_.replace) {
    if (auto done = writer.replace(folded, value); !done) fatal(done.error().text);
    return;
  }
  auto inserted = writer.insert(folded, value);
  if (!inserted) fatal(inserted.error().text);
  if (*inserted || options_.quiet_duplicates) return;
  log_.warning("{}: duplicate entry: \"{}\"", writer.shown_name(), base::printable(folded, true));
}

void MapCommand::load(Writer& writer, const std::string& source, std::string_view text) {
  LineReader lines(source, text, log_);
  for (std::string_view line; lines.next(line);) {
    if (utf8_ && !base::is_ascii(line) && !base::is_utf8(line)) {
      log_.warning("{}, line {}: non-UTF-8 input \"{}\" -- ignoring this line", source,
                   lines.line(), base::printable(line));
      continue;
    }
    at_ = format("{}, line {}", source, lines.line());
    program_.load_line(*this, writer, source, lines.line(), line);
  }
}

namespace {

// Makes the table as the owner of its source, and gives the rights back. -o stays root.
class AsOwner {
 public:
  AsOwner(const struct stat& source, bool wanted) {
    if (!wanted || geteuid() != 0 || source.st_uid == 0) return;
    active_ = setegid(source.st_gid) == 0 && seteuid(source.st_uid) == 0;
  }
  AsOwner(const AsOwner&) = delete;
  ~AsOwner() {
    if (active_ && (seteuid(0) != 0 || setegid(getgid()) != 0)) abort();
  }

 private:
  bool active_ = false;
};

}  // namespace

void MapCommand::make(const std::string& table) {
  auto typed = with_type(table);
  auto [type, rest] = base::cut(typed, ':');
  std::string name(rest.value_or(""));
  Fd source;
  struct stat status {};
  if (!options_.incremental) {
    auto opened = base::open_file(name, O_RDONLY);
    if (!opened) fatal(opened.error().text);
    source = std::move(*opened);
    if (fstat(source.get(), &status) != 0) fatal(format("fstat {}: {}", name, strerror(errno)));
  }
  auto text = base::read_all(options_.incremental ? STDIN_FILENO : source.get(), size_t{8} << 30);
  if (!text)
    fatal(format("read {}: {}", options_.incremental ? "standard input" : name, text.error().text));
  bool inherit = !options_.incremental && !options_.default_mode && S_ISREG(status.st_mode);
  WriteOptions write;
  write.truncate = !options_.incremental;
  write.create = options_.incremental;
  write.mode = inherit ? 0644 & status.st_mode : 0644;
  write.key_end = options_.key_end;
  write.expected_bytes = text->size();
  write.expected_entries = static_cast<size_t>(std::count(text->begin(), text->end(), '\n'));
  AsOwner owner(status, !options_.keep_owner && !options_.incremental);
  mode_t mask = umask(022);
  auto writer = open_writer(type, name, write);
  umask(mask);
  if (!writer) fatal(writer.error().text);
  load(**writer, options_.incremental ? "standard input" : name, *text);
  if (program_.load_end && !options_.incremental) program_.load_end(*this, **writer);
  if (auto done = (*writer)->finish(); !done) fatal(done.error().text);
}

}  // namespace dovetail::lookup
