// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/change_watcher.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>

namespace dovetail::mda::imap {

namespace {

// Deliveries and flag changes are renames; IN_ATTRIB would wake for each message read (atime).
constexpr uint32_t kDirectoryChanges =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF;

}  // namespace

ChangeWatcher::ChangeWatcher(Loop& loop, Logger log)
    : log_(std::move(log)), inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!inotify_) return;
  event_assign(&event_, loop.base(), inotify_.get(), EV_READ | EV_PERSIST, &ChangeWatcher::readable,
               this);
}

ChangeWatcher::~ChangeWatcher() {
  if (inotify_) event_del(&event_);
}

ChangeWatcher::Subscription::Subscription(Subscription&& other) noexcept
    : watcher_(std::exchange(other.watcher_, nullptr)),
      event_(other.event_),
      watches_(std::move(other.watches_)) {}

ChangeWatcher::Subscription& ChangeWatcher::Subscription::operator=(Subscription&& other) noexcept {
  std::swap(watcher_, other.watcher_);
  std::swap(event_, other.event_);
  std::swap(watches_, other.watches_);
  return *this;
}

ChangeWatcher::Subscription::~Subscription() {
  if (watcher_) watcher_->forget(*this);
}

ChangeWatcher::Subscription ChangeWatcher::subscribe(const std::vector<std::string>& directories,
                                                     net::Event& changed) {
  Subscription subscription;
  subscription.watcher_ = this;
  subscription.event_ = &changed;
  for (const auto& directory : directories) {
    int watch = inotify_add_watch(inotify_.get(), directory.c_str(), kDirectoryChanges);
    if (watch < 0) {
      if (!warned_) log_.warning("inotify_add_watch({}) failed: {}", directory, strerror(errno));
      warned_ = true;
      continue;
    }
    // The loop has something to wait for only while somebody is in IDLE.
    if (waiting_.empty()) event_add(&event_, nullptr);
    waiting_[watch].push_back(&changed);
    subscription.watches_.push_back(watch);
  }
  return subscription;
}

void ChangeWatcher::forget(Subscription& subscription) {
  for (auto watch : subscription.watches_) {
    auto found = waiting_.find(watch);
    if (found == waiting_.end()) continue;
    std::erase(found->second, subscription.event_);
    if (!found->second.empty()) continue;
    inotify_rm_watch(inotify_.get(), watch);
    waiting_.erase(found);
  }
  if (waiting_.empty() && inotify_) event_del(&event_);
}

void ChangeWatcher::readable(int, short, void* self) {
  static_cast<ChangeWatcher*>(self)->read_events();
}

void ChangeWatcher::read_events() {
  alignas(inotify_event) char buffer[4096];
  for (;;) {
    auto size = read(inotify_.get(), buffer, sizeof buffer);
    if (size <= 0) return;
    for (const char* at = buffer; at < buffer + size;) {
      auto one = reinterpret_cast<const inotify_event*>(at);
      at += sizeof(inotify_event) + one->len;
      auto found = waiting_.find(one->wd);
      if (found == waiting_.end()) continue;
      for (auto event : found->second) event->set();
      // The directory is gone and with it the watch; the number may be given again.
      if (one->mask & IN_IGNORED) waiting_.erase(found);
    }
  }
}

}  // namespace dovetail::mda::imap
