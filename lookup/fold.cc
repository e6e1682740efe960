// Case folding and the UTF-8 check in front of a table, and the stand-in for a table that could not be opened.
// SPDX-License-Identifier: Apache-2.0
#ifdef DOVETAIL_HAVE_ICU
#include <unicode/ucasemap.h>
#endif

#include <cerrno>

#include "common/base/text.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

#ifdef DOVETAIL_HAVE_ICU
std::string fold_utf8(std::string_view key) {
  struct CaseMap {
    UCaseMap* map = nullptr;
    CaseMap() {
      UErrorCode status = U_ZERO_ERROR;
      map = ucasemap_open("", U_FOLD_CASE_DEFAULT, &status);
    }
    ~CaseMap() { ucasemap_close(map); }
  };
  static const CaseMap folding;
  if (!folding.map) return base::lower(key);
  std::string folded(key.size() * 3 + 8, '\0');
  UErrorCode status = U_ZERO_ERROR;
  auto length =
      ucasemap_utf8FoldCase(folding.map, folded.data(), static_cast<int32_t>(folded.size()),
                            key.data(), static_cast<int32_t>(key.size()), &status);
  if (U_FAILURE(status) || length < 0 || static_cast<size_t>(length) > folded.size())
    return base::lower(key);
  folded.resize(static_cast<size_t>(length));
  return folded;
}
#else
std::string fold_utf8(std::string_view key) {
  return base::lower(key);
}
#endif

class FoldedTable final : public Table {
 public:
  FoldedTable(std::unique_ptr<Table> inner, const OpenOptions& options)
      : Table(inner->name(), inner->keys()),
        inner_(std::move(inner)),
        fold_(options.fold && keys() == Keys::fixed),
        utf8_(options.utf8),
        log_(options.log) {}

  Task<Result<Found>> lookup(std::string_view key) override {
    if (!acceptable(key)) co_return Found();
    std::string folded = fold_ ? fold_key(key, utf8_) : std::string(key);
    auto found = co_await inner_->lookup(folded);
    co_return checked(std::move(found), key);
  }

  std::optional<Result<Found>> try_now(std::string_view key) override {
    bool ascii = base::is_ascii(key);
    if (!ascii && !acceptable(key)) return Result<Found>(Found());
    std::string folded;
    if (fold_) folded = ascii ? base::lower(key) : fold_key(key, utf8_);
    auto found = inner_->try_now(fold_ ? std::string_view(folded) : key);
    if (utf8_ && found && *found && **found && !base::is_ascii(***found))
      return checked(std::move(*found), key);
    return found;
  }

  void hold() override { inner_->hold(); }
  void release() override { inner_->release(); }

  bool changed() const override { return inner_->changed(); }

  Result<std::optional<Entry>> next(bool first) override { return inner_->next(first); }

 private:
  bool acceptable(std::string_view key) const {
    if (!utf8_ || base::is_ascii(key) || base::is_utf8(key)) return true;
    log_.warning("{}: non-UTF-8 key \"{}\": malformed UTF-8 or invalid codepoint", name(),
                 base::printable(key));
    return false;
  }

  Result<Found> checked(Result<Found> found, std::string_view key) const {
    if (!utf8_ || !found || !*found || base::is_ascii(**found) || base::is_utf8(**found))
      return found;
    log_.warning("{}: key \"{}\": non-UTF-8 value \"{}\": malformed UTF-8 or invalid codepoint",
                 name(), base::printable(key), base::printable(**found));
    return temporary("Application error");
  }

  std::unique_ptr<Table> inner_;
  bool fold_;
  bool utf8_;
  Logger log_;
};

class UnavailableTable final : public InstantTable {
 public:
  UnavailableTable(std::string table, std::string reason, const Logger& log)
      : InstantTable(std::move(table), Keys::fixed), reason_(std::move(reason)), log_(log) {}

 protected:
  Result<Found> answer(std::string_view) override {
    log_.warning("{} is unavailable. {}", name(), reason_);
    return temporary("Application error");
  }

 private:
  std::string reason_;
  Logger log_;
};

}  // namespace

std::string fold_key(std::string_view key, bool utf8) {
  if (!utf8 || base::is_ascii(key)) return base::lower(key);
  return fold_utf8(key);
}

std::unique_ptr<Table> with_folding(std::unique_ptr<Table> table, const OpenOptions& options) {
  return std::make_unique<FoldedTable>(std::move(table), options);
}

std::unique_ptr<Table> unavailable_table(std::string name, const std::string& reason,
                                         const OpenOptions& options) {
  return std::make_unique<UnavailableTable>(std::move(name), reason, options.log);
}

}  // namespace dovetail::lookup
