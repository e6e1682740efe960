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

// Types that are only read, and what the incumbent says of them other than that.
struct ReadOnlyRow {
  std::string_view type;
  std::string_view fill, remove;
};
// clang-format off
constexpr ReadOnlyRow kReadOnly[] = {
    {"environ", "",                               "delete operation is not supported"},
    {"fail",    "write error: Application error", "delete error: Application error"},
    {"static",  "",                               "delete operation is not supported"},
};
// clang-format on

// internal: is empty, so there is nothing to be removed.
class EmptyWriter final : public Writer {
 public:
  explicit EmptyWriter(std::string name) : name_(std::move(name)) {}
  Result<bool> insert(std::string_view, std::string_view) override { return refused(); }
  Result<void> replace(std::string_view, std::string_view) override { return refused(); }
  Result<bool> remove(std::string_view) override { return false; }
  Result<void> finish() override { return {}; }
  const std::string& path() const override { return name_; }

 private:
  Error refused() const { return config_error("table " + name_ + ": cannot be filled"); }
  std::string name_;
};

Result<std::unique_ptr<Writer>> read_only(std::string_view type, const std::string& name,
                                          bool fill) {
  for (auto& row : kReadOnly) {
    auto text = fill ? row.fill : row.remove;
    if (row.type == type && !text.empty())
      return config_error(format("table {}:{}: {}", type, name, text));
  }
  if (fill)
    return config_error(
        format("unsupported dictionary type: {} does not support bulk-mode creation.", type));
  if (type == "internal")
    return std::unique_ptr<Writer>(std::make_unique<EmptyWriter>(format("{}:{}", type, name)));
  return config_error(format("{}:{} map requires O_RDONLY access mode", type, name));
}

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
    return config_error(
        "dict_cdb_open: inappropriate open flags for cdb database - specify O_RDONLY or "
        "O_WRONLY|O_CREAT|O_TRUNC");
  }
  bool fill = options.truncate || options.create;
  auto types = type_names();
  bool known = std::find(types.begin(), types.end(), type) != types.end();
  if (!known) {
    return config_error(
        fill ? format("unsupported dictionary type: {}. Is the postfix-{} package installed?", type,
                      type)
             : format("unsupported dictionary type: {}", type));
  }
  return read_only(type, name, fill);
}

}  // namespace dovetail::lookup
