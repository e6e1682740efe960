// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/sendmail/options.h"

#include <unistd.h>

#include <cstring>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/mail/dsn.h"
#include "mta/tools/common/tool.h"

namespace dovetail::mta {

namespace {

constexpr int kSendmailTempFail = 75;
constexpr const char* kSendmailLetters = "+A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:q:r:tvx";
// The bits of trace_flags in a queue file.
constexpr int kUserVerify = 1 << 9, kRecordDelivery = 1 << 10;

[[noreturn]] void refuse(const Logger& log, const std::string& text) {
  tool_fatal(log, kSendmailTempFail, text);
}

void set_notify(const Logger& log, const std::string& text, SendmailOptions& options) {
  if (auto flags = mail::parse_notify(text)) {
    options.dsn_notify = *flags;
    return;
  }
  for (std::string_view word : base::words(text, ", \t")) {
    if (!mail::parse_notify(word)) {
      log.warning("unknown DSN NOTIFY command value \"{}\" in \"{}\"", base::printable(word),
                  base::printable(text));
      break;
    }
  }
  log.warning("bad -N option value -- ignored");
}

void set_ret(const Logger& log, const std::string& text, SendmailOptions& options) {
  if (auto ret = mail::parse_ret(text))
    options.dsn_ret = *ret;
  else
    log.warning("bad -R option value -- ignored");
}

void set_envelope_id(const Logger& log, const std::string& text, SendmailOptions& options) {
  if (text.size() > 100)
    log.warning("too long -V option value -- ignored");
  else if (base::printable(text) != text)
    log.warning("bad syntax in -V option value -- ignored");
  else
    options.envelope_id = text;
}

void set_mode(const Logger& log, const std::string& text, SendmailOptions& options) {
  char letter = text.empty() ? ' ' : text[0];
  switch (letter) {
    case 'd':
      options.mode = SendmailMode::daemon;
      break;
    case 'h':
    case 'H':
      options.mode = SendmailMode::nothing;
      break;  // no host status to print or purge
    case 'i':
      options.mode = SendmailMode::newaliases;
      break;
    case 'm':
      options.mode = SendmailMode::submit;
      break;
    case 'p':
      options.mode = SendmailMode::mailq;
      break;
    case 's':
      options.mode = SendmailMode::stand_alone;
      break;
    case 'v':
      options.trace_flags = kUserVerify;
      break;
    default:
      refuse(log, format("unsupported: -b{}", letter));
  }
}

void set_queue_run(const Logger& log, const std::string& text, SendmailOptions& options) {
  char letter = text.empty() ? ' ' : text[0];
  if (base::is_digit(letter)) {
    // An interval is main.cf's to say.
    if (options.mode == SendmailMode::submit) options.mode = SendmailMode::nothing;
  } else if (letter == 'R' || letter == 'I') {
    if (text.size() == 1)
      refuse(log, format("specify: -q{}{}", letter, letter == 'R' ? "site" : "queueid"));
    options.mode = letter == 'R' ? SendmailMode::flush_site : SendmailMode::flush_id;
    options.flush_argument = text.substr(1);
  } else {
    refuse(log, format("-q{} is not implemented", letter));
  }
}

void set_old_option(const std::string& text, SendmailOptions& options) {
  if (!text.empty() && text[0] == 'i') options.lone_dot_ends = false;
}

void set_option(const Logger& log, int letter, const std::string& text, SendmailOptions& options) {
  switch (letter) {
    case 'B':
      if (base::iequals(text, "8BITMIME"))
        options.encoding = "8bit";
      else if (base::iequals(text, "7BIT"))
        options.encoding = "7bit";
      else
        refuse(log, "-B option needs 8BITMIME or 7BIT");
      break;
    case 'C':
      // Sendmail's -C names a file.
      options.config_directory =
          base::basename(text) == "main.cf" ? std::string(base::dirname(text)) : text;
      break;
    case 'F':
      options.full_name = text;
      break;
    case 'I':
      options.mode = SendmailMode::newaliases;
      break;
    case 'N':
      set_notify(log, text, options);
      break;
    case 'R':
      set_ret(log, text, options);
      break;
    case 'V':
      set_envelope_id(log, text, options);
      break;
    case 'X':
      if (text.empty() || text[0] != 'V')
        refuse(log, format("unsupported: -X{}", text.empty() ? ' ' : text[0]));
      options.verp = text.substr(1);
      break;
    case 'b':
      set_mode(log, text, options);
      break;
    case 'f':
    case 'r':
      options.sender = text;
      break;
    case 'i':
      options.lone_dot_ends = false;
      break;
    case 'n':
      refuse(log, "-n option not supported");
    case 'o':
      set_old_option(text, options);
      break;
    case 'q':
      set_queue_run(log, text, options);
      break;
    case 't':
      options.extract_recipients = true;
      break;
    case 'v':
      // The first -v asks for a report by mail, further ones are for debugging.
      if (options.verbose++ == 0)
        options.trace_flags |= options.trace_flags & kUserVerify ? 0 : kRecordDelivery;
      break;
    default:
      break;  // -A -G -L -O -U -c -e -h -m -p -x: said by old programs, without effect
  }
}

// An unknown option is seen by the pass that only looks for -C as well; the incumbent says so twice, and it is read that way.
void look_for_unknown(int argc, char** argv) {
  optind = 1;
  while (optind < argc && argv[optind][0] == '-' && argv[optind][1]) {
    if (!strcmp(argv[optind], "-q") || !strcmp(argv[optind], "-XV")) {
      ++optind;
      continue;
    }
    int c = getopt(argc, argv, kSendmailLetters);
    if (c == -1 || c == '?') break;
  }
}

}  // namespace

SendmailOptions parse_sendmail_options(const Logger& log, int argc, char** argv) {
  SendmailOptions options;
  std::string name(base::basename(argv[0]));
  if (name.starts_with("mailq")) options.mode = SendmailMode::mailq;
  if (name.starts_with("newaliases")) options.mode = SendmailMode::newaliases;
  look_for_unknown(argc, argv);
  optind = 1;
  while (optind < argc && argv[optind][0] == '-' && argv[optind][1]) {
    std::string_view word = argv[optind];
    // These two may stand alone, which getopt() cannot say.
    if (word == "-q" || word == "-XV") {
      ++optind;
      if (word == "-q")
        options.mode = SendmailMode::flush;
      else
        options.verp = "";
      continue;
    }
    int c = getopt(argc, argv, kSendmailLetters);
    if (c == -1) break;
    if (c == '?') refuse(log, "usage: sendmail [options]");
    set_option(log, c, optarg ? optarg : "", options);
  }
  options.recipients.assign(argv + optind, argv + argc);
  return options;
}

}  // namespace dovetail::mta
