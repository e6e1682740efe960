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

void put_message(std::string_view text) {
  ::fflush(stdout);
  std::string line = format("{}: {}\n", program_name, text);
  ::fwrite(line.data(), 1, line.size(), stderr);
}

// A word that blanks or a brace would take apart goes back into braces.
std::string rebrace(const std::string& word) {
  bool needs = word.find_first_of(base::kSpace) != std::string::npos;
  return needs ? "{" + word + "}" : word;
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
  ::exit(1);
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

std::string print_command(const conf::MasterService& service) {
  std::string out = rebrace(service.program.empty() ? service.fields[7] : service.program);
  for (size_t i = 0; i < service.arguments.size(); ++i) {
    const std::string& word = service.arguments[i];
    out += " " + (word == "-o" ? word : rebrace(word));
  }
  return out;
}

std::string print_master_entry(const conf::MasterService& service, bool fold) {
  static constexpr size_t kColumns[] = {0, 11, 17, 25, 33, 41, 49, 57};
  std::string out;
  for (size_t i = 0; i < 8; ++i) {
    if (i > 0) out.append(out.size() < kColumns[i] ? kColumns[i] - out.size() : 1, ' ');
    out += i == 7 ? rebrace(service.fields[i]) : service.fields[i];
  }
  size_t column = out.size();
  bool behind_override = false;
  for (size_t i = 0; i < service.arguments.size(); ++i) {
    std::string word = service.arguments[i];
    bool is_override = word == "-o" && i + 1 < service.arguments.size() &&
                       i < service.arguments.size() - service.own_arguments.size();
    word = is_override ? word + " " + rebrace(service.arguments[++i]) : rebrace(word);
    bool breaks =
        fold && (is_override || behind_override || column + 1 + word.size() >= kLineLimit);
    out += breaks ? "\n" + std::string(kIndent) : " ";
    column = (breaks ? kIndent.size() : column + 1) + word.size();
    out += word;
    behind_override = is_override;
  }
  return out;
}

}  // namespace dovetail::mta::postconf
