// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/thread.h"

#include <algorithm>
#include <unordered_map>

#include "common/base/text.h"

namespace dovetail::mda::imap {

namespace {

constexpr int kNone = -1;

// RFC 5256's containers, as indices into one vector; a node without a message is a dummy.
struct Node {
  int message = kNone;
  int parent = kNone;
  std::vector<int> children{};
};

class ThreadBuilder {
 public:
  explicit ThreadBuilder(std::vector<ThreadMessage> messages) : messages_(std::move(messages)) {}

  std::string references() {
    link_all();
    collect_roots();
    prune();
    sort_tree();
    gather_subjects();
    sort_tree();
    return text();
  }

  std::string ordered_subject() {
    std::vector<size_t> order(messages_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return sent_before(a, b); });
    std::unordered_map<std::string, int> first_of;
    for (auto index : order) {
      int node = add_node(static_cast<int>(index));
      auto [there, is_new] = first_of.emplace(messages_[index].base_subject, node);
      if (is_new) {
        roots_.push_back(node);
      } else {
        adopt(there->second, node);
      }
    }
    return text();
  }

 private:
  int add_node(int message) {
    nodes_.push_back({message});
    return static_cast<int>(nodes_.size()) - 1;
  }
  void adopt(int parent, int child) {
    nodes_[child].parent = parent;
    nodes_[parent].children.push_back(child);
  }
  bool sent_before(size_t a, size_t b) const {
    if (messages_[a].sent != messages_[b].sent) return messages_[a].sent < messages_[b].sent;
    return messages_[a].number < messages_[b].number;
  }

  // Step 1: by message ids. A second message with the same id is treated as having none.
  void link_all() {
    std::vector<int> node_of(messages_.size());
    for (size_t i = 0; i < messages_.size(); ++i) {
      const auto& id = messages_[i].message_id;
      int node = id.empty() ? add_node(kNone) : node_for(id);
      if (nodes_[node].message != kNone) node = add_node(kNone);
      nodes_[node].message = static_cast<int>(i);
      node_of[i] = node;
    }
    for (size_t i = 0; i < messages_.size(); ++i) link_references(messages_[i], node_of[i]);
  }

  int node_for(const std::string& id) {
    auto [found, is_new] = by_id_.emplace(id, 0);
    if (is_new) found->second = add_node(kNone);
    return found->second;
  }

  bool is_ancestor(int ancestor, int node) const {
    for (; node != kNone; node = nodes_[node].parent) {
      if (node == ancestor) return true;
    }
    return false;
  }

  void unlink(int child) {
    auto parent = nodes_[child].parent;
    if (parent != kNone) std::erase(nodes_[parent].children, child);
    nodes_[child].parent = kNone;
  }

  void link_references(const ThreadMessage& message, int node) {
    int previous = kNone;
    for (const auto& id : message.references) {
      int here = node_for(id);
      // Links already there are kept: another message may know better (step 1 A).
      if (previous != kNone && nodes_[here].parent == kNone && !is_ancestor(here, previous))
        adopt(previous, here);
      previous = here;
    }
    // The message's own references decide about its parent (step 1 B).
    if (previous == kNone || is_ancestor(node, previous)) return;
    unlink(node);
    adopt(previous, node);
  }

  void collect_roots() {
    for (size_t node = 0; node < nodes_.size(); ++node) {
      if (nodes_[node].parent == kNone) roots_.push_back(static_cast<int>(node));
    }
  }

  // Steps 2 and 3: dummies without children go, others are replaced by their children, but not at the top level unless
  // there is only one child. Nodes are visited leaves first.
  void prune() {
    for (auto node : leaves_first()) {
      std::vector<int> kept;
      for (auto child : nodes_[node].children) {
        if (nodes_[child].message != kNone) {
          kept.push_back(child);
        } else {
          kept.insert(kept.end(), nodes_[child].children.begin(), nodes_[child].children.end());
        }
      }
      for (auto child : kept) nodes_[child].parent = node;
      nodes_[node].children = std::move(kept);
    }
    std::vector<int> kept;
    for (auto root : roots_) {
      auto& node = nodes_[root];
      if (node.message != kNone || node.children.size() > 1) {
        kept.push_back(root);
      } else if (node.children.size() == 1) {
        nodes_[node.children.front()].parent = kNone;
        kept.push_back(node.children.front());
      }
    }
    roots_ = std::move(kept);
  }

  std::vector<int> leaves_first() const {
    std::vector<int> order(roots_);
    for (size_t i = 0; i < order.size(); ++i) {
      const auto& children = nodes_[order[i]].children;
      order.insert(order.end(), children.begin(), children.end());
    }
    std::reverse(order.begin(), order.end());
    return order;
  }

  // The message that stands for a node: its own, or that of a dummy's first child (step 4).
  size_t face(int node) const {
    while (nodes_[node].message == kNone) node = nodes_[node].children.front();
    return static_cast<size_t>(nodes_[node].message);
  }

  // Steps 4 and 6: siblings by sent date, leaves first, since a dummy is dated by its first child.
  void sort_tree() {
    auto earlier = [this](int a, int b) { return sent_before(face(a), face(b)); };
    for (auto node : leaves_first()) {
      auto& children = nodes_[node].children;
      std::stable_sort(children.begin(), children.end(), earlier);
    }
    std::stable_sort(roots_.begin(), roots_.end(), earlier);
  }

  bool is_dummy(int node) const { return nodes_[node].message == kNone; }
  bool is_reply(int node) const { return messages_[face(node)].is_reply; }

  // Step 5: top level threads with the same base subject.
  void gather_subjects() {
    std::unordered_map<std::string, int> table;
    for (auto root : roots_) {
      const auto& subject = messages_[face(root)].base_subject;
      if (subject.empty()) continue;
      auto [there, is_new] = table.emplace(subject, root);
      if (is_new) continue;
      // A dummy, or a message that is no reply, is the better head of the thread.
      bool better = (is_dummy(root) && !is_dummy(there->second)) ||
                    (is_reply(there->second) && !is_reply(root));
      if (better) there->second = root;
    }
    std::vector<int> kept;
    std::unordered_map<int, int> container;  // of a head: itself, or the dummy it was put under
    for (auto root : roots_) {
      auto found = table.find(messages_[face(root)].base_subject);
      if (found == table.end() || found->second == root) {
        kept.push_back(root);
      } else {
        auto head = container.emplace(found->second, found->second).first;
        head->second = merge(head->second, root);
      }
    }
    for (auto& root : kept) {
      auto found = container.find(root);
      if (found != container.end()) root = found->second;
    }
    roots_ = std::move(kept);
  }

  // Returns what stands at the top of both.
  int merge(int head, int root) {
    if (is_dummy(head) && is_dummy(root)) {
      auto children = std::move(nodes_[root].children);
      for (auto child : children) adopt(head, child);
      return head;
    }
    if (is_dummy(head) || (is_reply(root) && !is_reply(head))) {
      adopt(head, root);
      return head;
    }
    // Both replies or both not: siblings under a new dummy.
    int dummy = add_node(kNone);
    adopt(dummy, head);
    adopt(dummy, root);
    return dummy;
  }

  // Without recursion: a thread may be as deep as the mailbox is large.
  std::string text() const {
    std::string out;
    struct Step {
      int node;
      bool opens;
    };
    for (auto root : roots_) {
      std::vector<Step> steps{{root, true}};
      while (!steps.empty()) {
        auto step = steps.back();
        steps.pop_back();
        if (step.node == kNone) {
          out += ')';
          continue;
        }
        const auto& node = nodes_[step.node];
        if (step.opens) {
          out += '(';
          steps.push_back({kNone, false});
        } else {
          out += ' ';
        }
        if (node.message != kNone) out += base::format("{}", messages_[node.message].number);
        if (node.children.size() == 1) {
          steps.push_back({node.children.front(), node.message == kNone});
          continue;
        }
        if (!node.children.empty() && node.message != kNone) out += ' ';
        for (auto child = node.children.rbegin(); child != node.children.rend(); ++child)
          steps.push_back({*child, true});
      }
    }
    return out;
  }

  std::vector<ThreadMessage> messages_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string, int> by_id_;
  std::vector<int> roots_;
};

}  // namespace

std::string thread_references(std::vector<ThreadMessage> messages) {
  return ThreadBuilder(std::move(messages)).references();
}

std::string thread_ordered_subject(std::vector<ThreadMessage> messages) {
  return ThreadBuilder(std::move(messages)).ordered_subject();
}

}  // namespace dovetail::mda::imap
