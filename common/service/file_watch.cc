// SPDX-License-Identifier: Apache-2.0
#include "common/service/file_watch.h"

#include <sys/stat.h>

namespace dovetail::service {

FileWatch::FileWatch(Loop& loop, std::chrono::milliseconds period, std::function<void()> changed)
    : period_(period), changed_(std::move(changed)), timer_(loop, [this] {
        timer_.start(period_);
        look();
      }) {}

void FileWatch::watch(const std::set<std::string>& paths) {
  paths_ = paths;
  known_ = seen_ = marks();
  if (paths_.empty())
    timer_.stop();
  else
    timer_.start(period_);
}

FileWatch::Marks FileWatch::marks() const {
  Marks all;
  for (auto& path : paths_) {
    struct stat st {};
    Mark mark;
    if (::stat(path.c_str(), &st) == 0) {
      mark = {st.st_dev, st.st_ino, st.st_size, st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
              st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec};
    }
    all.emplace(path, mark);
  }
  return all;
}

void FileWatch::look() {
  auto now = marks();
  bool settled = now == seen_;
  seen_ = std::move(now);
  if (!settled || seen_ == known_) return;
  known_ = seen_;
  changed_();
}

}  // namespace dovetail::service
