// Feeds bytes as a queue file (mta/queue): envelope in portions, content, record streams, bounce logs.
// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "mta/queue/bounce_log.h"
#include "mta/queue/queue_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dovetail::mta;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  parse_bounce_log(bytes);
  RecordDecoder decoder(4096);
  Record record;
  for (std::string_view rest = bytes; decoder.next(rest, record) == RecordDecoder::State::record;) {
  }
  dovetail::Fd file(memfd_create("queue", MFD_CLOEXEC));
  if (!file || write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  ReadOptions options;
  options.recipient_limit = 2;
  auto message = read_envelope(file.get(), options);
  if (!message) return 0;
  if (message->more_recipients) {
    options.recipients_from = *message->more_recipients;
    (void)read_envelope(file.get(), options);
  }
  ContentReader content(file.get(), message->size, ContentReader::LineEnd::crlf);
  for (std::string text;; text.clear()) {
    auto more = content.read(text, 1000);
    if (!more || !*more) return 0;
  }
}
