// What postmap and postalias share: their options, asking, deleting, dumping and making tables, and how they end.
// How a source line becomes an entry is each program's own. Manuals: postmap(1), postalias(1).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/net/loop.h"
#include "conf/postfix/main_cf.h"
#include "lookup/build/writer.h"
#include "lookup/registry.h"

namespace dovetail::lookup {

struct CommandOptions {
  std::string config_directory;       // -c
  std::optional<std::string> query;   // -q
  std::optional<std::string> remove;  // -d
  bool dump = false;                  // -s
  bool incremental = false;           // -i: change the table from stdin
  bool replace = false;               // -r
  bool quiet_duplicates = false;      // -w
  bool keep_owner = false;            // -o: stay root for a source that belongs to another user
  bool default_mode = false;          // -p: do not take over the source's permissions
  bool fold = true;                   // -f turns it off
  bool files = false;                 // -F
  bool utf8_off = false;              // -u
  bool utf8_on = false;               // -U
  bool header = false, body = false, mime = false;  // -h -b -m
  int verbose = 0;
  KeyEnd key_end = KeyEnd::unknown;  // -N -n
  std::vector<std::string> tables;
};

class MapCommand;
// Puts one logical line into the table; its warnings are its own.
using LoadLine = void (*)(MapCommand& command, Writer& writer, std::string_view source, int line,
                          std::string_view text);
// What a program adds when a table has been made anew (YP_LAST_MODIFIED and the like).
using LoadEnd = void (*)(MapCommand& command, Writer& writer);

struct CommandProgram {
  const char* name;            // "postmap"
  const char* flags;           // for getopt
  const char* usage;           // behind "usage: postmap "
  std::string_view separator;  // between key and value of a dump
  LoadLine load_line;
  LoadEnd load_end;
};

class MapCommand {
 public:
  MapCommand(const CommandProgram& program, CommandOptions options);

  int run();  // the exit status
  [[noreturn]] void fatal(std::string_view text) const;

  // For LoadLine: one entry, with folding, base64 (-F), duplicates as the options say.
  void enter(Writer& writer, std::string_view key, std::string_view value);
  const Logger& log() const { return log_; }
  const conf::MainCf& main_cf() const { return *main_cf_; }
  const CommandOptions& options() const { return options_; }
  bool utf8() const { return utf8_; }

 private:
  std::string with_type(const std::string& table) const;
  std::unique_ptr<Table> open(const std::string& table);
  int query(const std::string& key);
  int query_input();
  int remove();
  int dump();
  void make(const std::string& table);
  void load(Writer& writer, const std::string& source, std::string_view text);
  void check_answer(const Table& table, std::string_view key, const std::string& value);
  Task<Result<Found>> ask(std::string_view key, const Table*& by);
  Task<> ask_one(std::string key, Result<Found>& answer, const Table*& by);
  struct Answer {
    Result<Found> result = Found();
    const Table* by = nullptr;
    bool known = false;
  };
  bool ask_at_once(const std::vector<std::string>& keys, std::vector<Answer>& answers);
  Task<> ask_all(const std::vector<std::string>& keys, bool& found_any);
  [[noreturn]] void query_error(const Table* table, const Error& error);

  const CommandProgram& program_;
  CommandOptions options_;
  Logger log_;
  std::unique_ptr<conf::MainCf> main_cf_;
  net::Loop loop_;
  bool utf8_ = true;
  std::string at_;  // "SOURCE, line N" of the entry that is read
  std::vector<std::unique_ptr<Table>> open_tables_;
};

// Reads the command line; nullopt after a usage error has been shown (exit 1).
CommandOptions read_command_line(const CommandProgram& program, int argc, char** argv);
[[noreturn]] void command_fatal(const Logger& log, std::string_view text);

}  // namespace dovetail::lookup
