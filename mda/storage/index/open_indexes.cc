// See open_indexes.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/index/open_indexes.h"

#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "mda/storage/index/folder_index.h"

namespace dovetail::mda {

namespace {

constexpr size_t kMostOpenIndexes = 64;

struct OpenIndexList {
  std::mutex mutex;
  std::list<FolderIndex*> order;  // the last one used is in front
  std::unordered_map<FolderIndex*, std::list<FolderIndex*>::iterator> places;
  size_t most = kMostOpenIndexes;
};

OpenIndexList& open_index_list() {
  static OpenIndexList list;
  return list;
}

}  // namespace

OpenIndexes::Use::Use(FolderIndex& index) : index_(index) {
  // Pool jobs of one mailbox come one at a time, so `outer_` is false only inside our own calls. An eviction that
  // has the flag right now lasts two close() calls.
  OpenIndexList& list = open_index_list();
  std::lock_guard<std::mutex> guard(list.mutex);
  outer_ = !index_.busy_.test_and_set();
}

OpenIndexes::Use::~Use() {
  if (!outer_) return;
  OpenIndexList& list = open_index_list();
  std::lock_guard<std::mutex> guard(list.mutex);
  auto known = list.places.find(&index_);
  if (known != list.places.end()) {
    list.order.erase(known->second);
    list.places.erase(known);
  }
  if (index_.fd_ || index_.cache_) {
    list.order.push_front(&index_);
    list.places[&index_] = list.order.begin();
  }
  index_.busy_.clear();
  for (auto it = list.order.end(); list.order.size() > list.most && it != list.order.begin();) {
    --it;
    FolderIndex* oldest = *it;
    if (oldest->busy_.test_and_set()) continue;
    if (oldest->locked_) {  // a lock goes with its descriptor
      oldest->busy_.clear();
      continue;
    }
    oldest->fd_.reset();
    oldest->cache_.reset();
    oldest->busy_.clear();
    list.places.erase(oldest);
    it = list.order.erase(it);
  }
}

void OpenIndexes::forget(FolderIndex& index) {
  OpenIndexList& list = open_index_list();
  std::lock_guard<std::mutex> guard(list.mutex);
  auto known = list.places.find(&index);
  if (known == list.places.end()) return;
  list.order.erase(known->second);
  list.places.erase(known);
}

size_t OpenIndexes::count() {
  OpenIndexList& list = open_index_list();
  std::lock_guard<std::mutex> guard(list.mutex);
  return list.order.size();
}

size_t OpenIndexes::set_limit(size_t most) {
  OpenIndexList& list = open_index_list();
  std::lock_guard<std::mutex> guard(list.mutex);
  return std::exchange(list.most, most);
}

}  // namespace dovetail::mda
