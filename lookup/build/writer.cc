// SPDX-License-Identifier: Apache-2.0
#include "lookup/build/writer.h"

#include <algorithm>

#include "common/base/text.h"
#include "lookup/build/writers.h"
#include "lookup/registry.h"

namespace dovetail::lookup {
namespace {

struct WriterRow {
  std::string_view type;
  OpenWriter open;
  bool updates;  // entries can be changed, not only the whole table made
};

// clang-format off
constexpr WriterRow kWriters[] = {
#ifdef DOVETAIL_HAVE_BDB
    {"btree", open_bdb_writer,  true},
    {"hash",  open_bdb_writer,  true},
#endif
    {"cdb",   open_cdb_writer,  false},
#ifdef DOVETAIL_HAVE_LMDB
    {"lmdb",  open_lmdb_writer, true},
#endif
};
// clang-format on

}  // namespace

Result<Found> Writer::find(std::string_view) {
  return config_error("table " + path() + ": lookup by its writer is not supported");
}
Result<std::optional<Entry>> Writer::next(bool) {
  return config_error("table " + path() + ": sequence operation is not supported");
}
Result<void> Writer::sync() {
  return config_error("table " + path() + ": cannot be kept open");
}

Result<std::unique_ptr<Writer>> open_writer(std::string_view type, const std::string& name,
                                            const WriteOptions& options) {
  for (auto& row : kWriters) {
    if (row.type != type) continue;
    if (options.truncate || row.updates) return row.open(type, name, options);
    return config_error(format("{}:{} map requires O_RDONLY access mode", type, name));
  }
  auto types = type_names();
  bool known = std::find(types.begin(), types.end(), type) != types.end();
  if (!known) {
    return config_error(
        options.truncate
            ? format("unsupported dictionary type: {}. Is the postfix-{} package installed?", type,
                     type)
            : format("unsupported dictionary type: {}", type));
  }
  if (!options.truncate)
    return config_error(format("{}:{} map requires O_RDONLY access mode", type, name));
  return config_error(
      format("unsupported dictionary type: {} does not support bulk-mode creation.", type));
}

}  // namespace dovetail::lookup
