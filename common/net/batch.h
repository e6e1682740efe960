// Blocking work that is cheaper together: what comes while the pool is at it waits and is then taken in one trip, with one
// fsync of a folder for all. What comes alone goes alone and at once, so nobody waits for company.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "common/net/pool.h"

namespace dovetail::net {

template <class Item>
class Batch {
 public:
  // `work` runs in the pool with 1 to `most` items, in `lanes` calls side by side at most. It leaves each item's outcome in
  // the item; what it did not reach because it threw stays as it came, so an item begins as "failed".
  using Work = std::function<void(const std::vector<Item*>& items)>;
  Batch(Loop& loop, Pool& pool, Work work, size_t most = 64, unsigned lanes = 1)
      : loop_(loop), pool_(pool), work_(std::move(work)), most_(most), lanes_(lanes) {}
  Batch(const Batch&) = delete;

  // Ends when the work has been done for this item, which must live until then.
  Task<> run(Item& item) {
    Place own{item, Event(loop_)};
    if (busy_ < lanes_) {
      ++busy_;
    } else {
      waiting_.push_back(&own);
      co_await own.turn.wait();
      if (own.done) co_return;
    }
    // From here on this coroutine leads: its lane does its own item and those behind it.
    Lane lane(*this, own);
    auto job = [this, &lane] { work_(lane.items); };
    co_await pool_.run(job);
  }

 private:
  struct Place {
    Item& item;
    Event turn;
    bool done = false;  // false when woken: it is to lead
  };

  // One call of the work. At its end, by exception too, those taken along go on, and the next in line gets the lane.
  struct Lane {
    Lane(Batch& owner, Place& leader) : batch(owner), items{&leader.item} {
      while (!batch.waiting_.empty() && items.size() < batch.most_) {
        taken.push_back(batch.waiting_.front());
        batch.waiting_.pop_front();
        items.push_back(&taken.back()->item);
      }
    }
    ~Lane() {
      for (auto* place : taken) {
        place->done = true;
        place->turn.set();
      }
      if (batch.waiting_.empty()) {
        --batch.busy_;
        return;
      }
      auto* next = batch.waiting_.front();
      batch.waiting_.pop_front();
      next->turn.set();
    }
    Lane(const Lane&) = delete;

    Batch& batch;
    std::vector<Item*> items;
    std::vector<Place*> taken;
  };

  Loop& loop_;
  Pool& pool_;
  Work work_;
  size_t most_;
  unsigned lanes_, busy_ = 0;
  std::deque<Place*> waiting_;
};

}  // namespace dovetail::net
