// Feeds the IMAP command parser: lines and literals as they would come, then everything that reads arguments.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mda/imap/command_reader.h"
#include "mda/imap/criterion.h"
#include "mda/imap/envelope_view.h"
#include "mda/imap/fetch_items.h"
#include "mda/imap/flag_args.h"
#include "mda/imap/sort.h"

using namespace dovetail::mda::imap;

namespace {

void read_arguments(const Args& args) {
  ArgReader for_fetch(args), for_search(args);
  for_fetch.skip();
  (void)parse_fetch_items(for_fetch);
  (void)parse_criteria(for_search);
  (void)parse_flag_args(args, 0, 50);
  (void)parse_sort_keys(args);
  for (const auto& arg : args) {
    auto set = SequenceSet::parse(arg.text);
    if (!set) continue;
    set->resolve(1000);
    (void)set->text();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const Args envelope = parse_envelope_args(input);
  (void)envelope_field_text(envelope, EnvelopeField::from);
  (void)envelope_field_text(envelope, EnvelopeField::subject);
  Command command;
  auto end = input.find("\r\n");
  ArgParser parser({4096, 16, false});
  auto state = parser.line(take_tag_and_name(input.substr(0, end), command));
  while (state == ArgParser::State::literal && end != std::string_view::npos) {
    input.remove_prefix(end + 2);
    auto count = static_cast<size_t>(parser.pending().size);
    if (count > input.size()) return 0;
    parser.literal(std::string(input.substr(0, count)));
    input.remove_prefix(count);
    end = input.find("\r\n");
    state = parser.line(input.substr(0, end));
  }
  if (state == ArgParser::State::done) read_arguments(parser.args());
  return 0;
}
