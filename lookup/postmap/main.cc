// postmap: makes lookup tables from text files, and asks, changes and dumps tables of every type. Manual: postmap(1).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "lookup/build/command.h"
#include "lookup/source.h"

namespace dovetail::lookup {
namespace {

void load_postmap_line(MapCommand& command, Writer& writer, std::string_view source, int line,
                       std::string_view text) {
  auto [key, value] = split_key_value(text);
  if (key.empty() || value.empty()) {
    command.log().warning("{}, line {}: expected format: key whitespace value", source, line);
    return;
  }
  if (key.back() == ':') {
    command.log().warning("{}, line {}: record is in \"key: value\" format; is this an alias file?",
                          source, line);
  }
  command.enter(writer, key, value);
}

constexpr CommandProgram kPostmap = {
    .name = "postmap",
    .flags = "+bc:d:fFhimnNopq:rsuUvw",
    .usage = "[-bfFhimnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
    .separator = "\t",
    .load_line = load_postmap_line,
    .load_end = nullptr,
};

}  // namespace
}  // namespace dovetail::lookup

int main(int argc, char** argv) {
  using namespace dovetail;
  lookup::MapCommand command(lookup::kPostmap,
                             lookup::read_command_line(lookup::kPostmap, argc, argv));
  return command.run();
}
