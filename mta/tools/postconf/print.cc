// How postconf(1) writes lines: names, values, folding of long ones.
// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/text.h"
#include "mta/tools/postconf/postconf.h"

namespace dovetail::mta::postconf {
namespace {

constexpr size_t kLineLimit = 80;
constexpr std::string_view kIndent = "    ";

std::string program_name = "postconf";

// Output that has not left yet stays behind the messages, and is lost where the program ends by an error: as with the incumbent,
// whoever redirects the output of a failed postconf finds none.
void put_message(std::string_view text) {
  std::string line = format("{}: {}\n", program_name, text);
  ::fwrite(line.data(), 1, line.size(), stderr);
}

// A word that blanks would take apart goes back into braces.
std::string rebrace(const std::string& word) {
  bool needs = word.find_first_of(base::kSpace) != std::string::npos;
  return needs ? "{" + word + "}" : word;
}

// The first of the program's own words never gets braces, as with the incumbent. The arguments behind a line that already has `column` characters: each -o with its text on a line of its own if folded.
void append_arguments(std::string& out, size_t column, const conf::MasterService& service,
                      bool fold) {
  bool behind_override = false;
  size_t first_own = service.arguments.size() - service.own_arguments.size();
  for (size_t i = 0; i < service.arguments.size(); ++i) {
    std::string word = service.arguments[i];
    bool is_override = word == "-o" && i + 1 < service.arguments.size() && i < first_own;
    if (is_override)
      word += " " + rebrace(service.arguments[++i]);
    else if (i != first_own)
      word = rebrace(word);
    bool breaks =
        fold && (is_override || behind_override || column + 1 + word.size() >= kLineLimit);
    out += breaks ? "\n" + std::string(kIndent) : " ";
    column = (breaks ? kIndent.size() : column + 1) + word.size();
    out += word;
    behind_override = is_override;
  }
}

}  // namespace

void set_program_name(std::string_view name) {
  program_name = name;
}

void warning(std::string_view text) {
  put_message(format("warning: {}", text));
}

void fatal(std::string_view text) {
  put_message(format("fatal: {}", text));
  ::_exit(1);
}

void fatal_value(const Error& error) {
  constexpr std::string_view kDictionary = "dictionary mail_dict: ";
  std::string_view text = error.text;
  fatal(text.starts_with(kDictionary) ? text.substr(kDictionary.size()) : text);
}

void put_line(std::string_view text) {
  ::fwrite(text.data(), 1, text.size(), stdout);
  ::fputc('\n', stdout);
}

std::string print_line(std::string_view text, bool fold) {
  std::string out;
  size_t column = 0;
  for (std::string_view word : base::words(text)) {
    if (column > 0) {
      bool breaks = fold && column + word.size() >= kLineLimit;
      out += breaks ? "\n" + std::string(kIndent) : " ";
      column = breaks ? kIndent.size() : column + 1;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string print_command(const conf::MasterService& service, bool fold, size_t column) {
  std::string out = service.fields[7];
  append_arguments(out, column + out.size(), service, fold);
  return out;
}

std::string print_master_entry(const conf::MasterService& service, bool fold) {
  static constexpr size_t kColumns[] = {0, 11, 17, 25, 33, 41, 49, 57};
  std::string out;
  for (size_t i = 0; i < 8; ++i) {
    if (i > 0) out.append(out.size() < kColumns[i] ? kColumns[i] - out.size() : 1, ' ');
    out += service.fields[i];
  }
  append_arguments(out, out.size(), service, fold);
  return out;
}

}  // namespace dovetail::mta::postconf
