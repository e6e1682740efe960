// postcat: shows queue files. Manual: postcat(1).
// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/mail/queue_id.h"
#include "conf/postfix/main_cf.h"
#include "mta/queue/directories.h"
#include "mta/queue/record.h"

namespace dovetail::mta {
namespace {

const Logger& postcat_log() {
  static const Logger log("postcat");
  return log;
}

[[noreturn]] void postcat_fatal(const std::string& text) {
  fflush(stdout);
  postcat_log().fatal("{}", text);
  exit(1);
}

struct PostcatOptions {
  bool body = false, header = false, envelope = false, queue = false;
  bool decimal = false, offset = false, raw = false;
  std::string config_directory;
  std::vector<std::string> files;
};

constexpr const char* kPostcatUsage =
    "usage: postcat [-b (body text)] [-c config_dir] [-d (decimal record type)] [-e (envelope "
    "records)] "
    "[-h (header text)] [-q (access queue)] [-v] [file(s)...]";

PostcatOptions parse_postcat(int argc, char** argv) {
  PostcatOptions options;
  for (int c; (c = getopt(argc, argv, "bc:dehoqrv")) != -1;) {
    switch (c) {
      case 'b':
        options.body = true;
        break;
      case 'c':
        options.config_directory = optarg;
        break;
      case 'd':
        options.decimal = true;
        break;
      case 'e':
        options.envelope = true;
        break;
      case 'h':
        options.header = true;
        break;
      case 'o':
        options.offset = true;
        break;
      case 'q':
        options.queue = true;
        break;
      case 'r':
        options.raw = true;
        break;
      case 'v':
        break;
      default:
        postcat_fatal(kPostcatUsage);
    }
  }
  if (!options.body && !options.header && !options.envelope)
    options.body = options.header = options.envelope = true;
  options.files.assign(argv + optind, argv + argc);
  return options;
}

std::string shown_time(std::string_view seconds) {
  time_t when = static_cast<time_t>(base::parse_number<int64_t>(seconds).value_or(0));
  tm local{};
  localtime_r(&when, &local);
  char text[64];
  strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &local);
  return text;
}

// Writes one file's records, each as the options want it.
class QueueFilePrinter {
 public:
  QueueFilePrinter(const PostcatOptions& options, std::string name)
      : options_(options), name_(std::move(name)) {}
  void print(int fd);

 private:
  enum class Segment { envelope, header, body, extracted };
  void mark(const Record& record) const;
  void banner(const Record* record, std::string_view title) const;
  void envelope_record(const Record& record) const;
  void attribute(const Record& record) const;
  void text_record(const Record& record);

  const PostcatOptions& options_;
  std::string name_;
  Segment segment_ = Segment::envelope;
  bool in_line_ = false;
};

// The prefix of -o and -d; a piece in the middle of a line has none.
void QueueFilePrinter::mark(const Record& record) const {
  if (options_.offset) printf("%9lu ", static_cast<unsigned long>(record.offset));
  if (options_.decimal) printf("%3d ", static_cast<int>(static_cast<unsigned char>(record.type)));
}

void QueueFilePrinter::banner(const Record* record, std::string_view title) const {
  if (!options_.envelope) return;
  if (record) mark(*record);
  printf("*** %.*s %s ***\n", static_cast<int>(title.size()), title.data(), name_.c_str());
}

void QueueFilePrinter::attribute(const Record& record) const {
  auto [name, value] = base::cut(record.data, '=');
  if (name == "create_time" && value)
    printf("create_time: %s\n", shown_time(*value).c_str());
  else
    printf("named_attribute: %s\n", record.data.c_str());
}

void QueueFilePrinter::envelope_record(const Record& record) const {
  if (!options_.envelope) return;
  mark(record);
  std::string name(record_name(record.type));
  if (record.type == kRecTime) {
    printf("%s: %s\n", name.c_str(), shown_time(base::cut(record.data, ' ').first).c_str());
  } else if (record.type == kRecWarn) {
    printf("%s: %s\n", name.c_str(), shown_time(base::trim(record.data)).c_str());
  } else if (record.type == kRecAttr) {
    attribute(record);
  } else {
    printf("%s: %s\n", name.c_str(), record.data.c_str());
  }
}

void QueueFilePrinter::text_record(const Record& record) {
  // The first empty line belongs to the body.
  if (segment_ == Segment::header && !in_line_ && record.data.empty()) segment_ = Segment::body;
  bool wanted = segment_ == Segment::header ? options_.header : options_.body;
  if (wanted) {
    if (!in_line_ || options_.offset || options_.decimal) mark(record);
    fwrite(record.data.data(), 1, record.data.size(), stdout);
    if (record.type == kRecNormal) putchar('\n');
  }
  in_line_ = record.type == kRecContinued;
}

void QueueFilePrinter::print(int fd) {
  char first = 0;
  if (pread(fd, &first, 1, 0) != 1) return;
  if (kEnvelopeTypes.find(first) == std::string_view::npos) {
    postcat_log().warning("{}: input is not a valid queue file", name_);
    return;
  }
  banner(nullptr, "ENVELOPE RECORDS");
  RecordReader reader(fd, 0, !options_.raw);
  for (;;) {
    auto next = reader.next();
    if (!next) {
      fflush(stdout);
      postcat_log().warning("{}: {}", name_, next.error().text);
      postcat_fatal("record read error");
    }
    if (!*next) return;
    const Record& record = **next;
    bool in_text = segment_ == Segment::header || segment_ == Segment::body;
    if (record.type == kRecEnd) {
      banner(&record, "MESSAGE FILE END");
      return;
    }
    if (segment_ == Segment::envelope && record.type == kRecMessage) {
      banner(&record, "MESSAGE CONTENTS");
      segment_ = Segment::header;
    } else if (record.type == kRecExtracted) {
      banner(&record, "HEADER EXTRACTED");
      segment_ = Segment::extracted;
    } else if (in_text && (record.type == kRecNormal || record.type == kRecContinued)) {
      text_record(record);
    } else {
      envelope_record(record);
    }
  }
}

// Records are read by offset; a pipe is copied first.
Fd seekable(int fd) {
  if (lseek(fd, 0, SEEK_CUR) >= 0) return Fd(dup(fd));
  auto bytes = base::read_all(fd);
  Fd copy(memfd_create("postcat", MFD_CLOEXEC));
  if (!bytes || !copy || !base::write_all(copy.get(), *bytes))
    postcat_fatal("cannot read standard input");
  return copy;
}

void show_file(const PostcatOptions& options, const std::string& name) {
  auto fd = base::open_file(name, O_RDONLY);
  if (!fd) postcat_fatal(fd.error().text);
  QueueFilePrinter(options, name).print(fd->get());
}

void show_queue_file(const PostcatOptions& options, const QueueDirectories& directories,
                     const std::string& id) {
  static const std::vector<std::string_view> queues = {"maildrop", "incoming", "active", "deferred",
                                                       "hold",     "saved",    "corrupt"};
  if (!mail::is_queue_id(id)) postcat_fatal("bad mail queue ID: " + id);
  for (std::string_view queue : queues) {
    auto fd = directories.open(queue, id, O_RDONLY);
    if (!fd) postcat_fatal(fd.error().text);
    if (!*fd) continue;
    return QueueFilePrinter(options, directories.path(queue, id)).print((*fd)->get());
  }
  postcat_fatal(format("open queue file {}: No such file or directory", id));
}

int run_postcat(int argc, char** argv) {
  PostcatOptions options = parse_postcat(argc, argv);
  auto cf = conf::MainCf::load(conf::config_directory(options.config_directory), {},
                               {.process_name = "postcat"});
  if (!cf) postcat_fatal(cf.error().text);
  if (options.files.empty() && !options.queue) {
    QueueFilePrinter(options, "stdin").print(seekable(STDIN_FILENO).get());
  } else if (!options.queue) {
    for (const std::string& name : options.files) show_file(options, name);
  } else {
    std::string queue_directory = cf->get("queue_directory");
    if (chdir(queue_directory.c_str()) != 0)
      postcat_fatal(errno_error("chdir " + queue_directory, errno).text);
    QueueDirectories directories("", cf->get("hash_queue_names"),
                                 base::parse_number<int>(cf->get("hash_queue_depth")).value_or(1));
    for (const std::string& id : options.files) show_queue_file(options, directories, id);
  }
  if (fflush(stdout) != 0) postcat_fatal("write error: " + errno_error("", errno).text);
  return 0;
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  return dovetail::mta::run_postcat(argc, argv);
}
