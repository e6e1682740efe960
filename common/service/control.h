// What a parent (master, dovecot) and its children say to each other: one SOCK_SEQPACKET message each, a verb and
// "name=value" lines. The first message, "hello", waits in the channel before the child is started.
//
//   parent -> child: hello (how to run; carries the memory files that its field "memory" names: settings, tickets, tally),
//                    drain (a successor took over: close the listeners, finish), stop (finish at once), wakeup (the
//                    incumbent's 'W' trigger), settings and tickets (a newer memory file of that name), make_room (a
//                    client waits for a place)
//   child -> parent: ready, idle (no client for the idle time: about to end), full and room (client limit reached or not
//                    any more), limit (a client waits: the service has as many as it may; made_room=1 if one of
//                    this process was sent away), no_room (nobody here can be), and whatever a role has to tell
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"

namespace dovetail::service {

// The fields of a message in the order they were set. A dozen of them, built and read for every delivery: one block of
// memory is cheaper than a tree.
class ControlFields {
 public:
  using Rows = std::vector<std::pair<std::string, std::string>>;

  ControlFields() = default;
  ControlFields(std::initializer_list<Rows::value_type> rows) : rows_(rows) {}

  std::string& operator[](std::string_view name);               // added if it is not there
  void emplace(std::string_view name, std::string_view value);  // unless it is there already
  void erase(std::string_view name);
  std::string take(std::string_view name);  // its value, moved out; empty if it is not there
  void clear() { rows_.clear(); }
  bool contains(std::string_view name) const { return find(name) != end(); }
  friend bool operator==(const ControlFields&, const ControlFields&) = default;
  Rows::const_iterator find(std::string_view name) const;
  Rows::const_iterator begin() const { return rows_.begin(); }
  Rows::const_iterator end() const { return rows_.end(); }

 private:
  Rows rows_;
};

struct ControlMessage {
  std::string verb;
  ControlFields fields;  // values may hold any byte but newline and NUL

  std::string get(std::string_view name) const;
  unsigned number(std::string_view name) const;  // 0 if absent or no number
  std::string encode() const;
  // Bytes may come from a process that reads foreign ones: a line that is no field, or holds a NUL, is left out.
  static ControlMessage decode(std::string_view bytes);
};

// A memory file with these bytes that nobody can change any more (F_SEAL_*), for settings and keys.
Result<base::Fd> sealed_memory(const std::string& name, std::string_view bytes);

}  // namespace dovetail::service
