// SPDX-License-Identifier: Apache-2.0
#include "lookup/table.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace dovetail::lookup {

std::optional<Result<Found>> Table::try_now(std::string_view) {
  return std::nullopt;
}

std::optional<FileStamp> FileStamp::of(const std::string& path, Watched watched) {
  FileStamp stamp;
  stamp.file_ = base::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat now {};
  if (!stamp.file_ || fstat(stamp.file_.get(), &now) != 0) return std::nullopt;
  stamp.watched_ = watched;
  stamp.seconds_ = now.st_mtim.tv_sec;
  stamp.nanoseconds_ = now.st_mtim.tv_nsec;
  stamp.size_ = now.st_size;
  return stamp;
}

// By descriptor, since a confined process cannot see the name: a file replaced by another has no name left.
bool FileStamp::changed() const {
  struct stat now {};
  if (fstat(file_.get(), &now) != 0) return false;
  if (now.st_nlink == 0) return true;
  return watched_ == Watched::content &&
         (now.st_mtim.tv_sec != seconds_ || now.st_mtim.tv_nsec != nanoseconds_ ||
          now.st_size != size_);
}

bool Table::changed() const {
  for (auto& file : files_) {
    if (file.changed()) return true;
  }
  return false;
}

Result<std::optional<Entry>> Table::next(bool) {
  return config_error("table " + name_ + ": sequence operation is not supported");
}

Task<Result<Found>> InstantTable::lookup(std::string_view key) {
  co_return answer(key);
}

std::optional<Result<Found>> InstantTable::try_now(std::string_view key) {
  return answer(key);
}

}  // namespace dovetail::lookup
