// Wakes sessions in IDLE when a directory of their mailbox changes: one inotify instance per process, a watch per
// directory that somebody waits for. What has changed is found out by Mailbox::sync().
//
// A directory that cannot be watched (the limit of watches is reached, a file system without inotify) is no error: the
// session looks every mailbox_idle_check_interval; one warning per process says so.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/net/loop.h"

namespace dovetail::mda::imap {

class ChangeWatcher {
 public:
  ChangeWatcher(Loop& loop, Logger log);
  ~ChangeWatcher();
  ChangeWatcher(const ChangeWatcher&) = delete;

  // Ends with its object.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&& other) noexcept;
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription();

   private:
    friend class ChangeWatcher;
    ChangeWatcher* watcher_ = nullptr;
    net::Event* event_ = nullptr;
    std::vector<int> watches_;
  };
  // `changed` is set at each change and must outlive the subscription.
  Subscription subscribe(const std::vector<std::string>& directories, net::Event& changed);
  size_t watched() const { return waiting_.size(); }

 private:
  static void readable(int, short, void* self);
  void read_events();
  void forget(Subscription& subscription);

  Logger log_;
  base::Fd inotify_;
  event event_{};
  std::map<int, std::vector<net::Event*>> waiting_;  // by watch descriptor
  bool warned_ = false;
};

}  // namespace dovetail::mda::imap
