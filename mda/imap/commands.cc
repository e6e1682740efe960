// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/commands.h"

namespace dovetail::mda::imap {

namespace {

// clang-format off
constexpr CommandEntry kCommands[] = {
    {"APPEND",      cmd_append,     kSync},
    {"CAPABILITY",  cmd_capability, 0},
    {"CHECK",       cmd_noop,       kNeedsMailbox | kSync},
    {"CLOSE",       cmd_close,      kNeedsMailbox},
    {"COPY",        cmd_copy,       kNeedsMailbox | kSync},
    {"CREATE",      cmd_create,     0},
    {"DELETE",      cmd_delete,     0},
    {"ENABLE",      cmd_enable,     0},
    {"EXAMINE",     cmd_select,     0},
    {"EXPUNGE",     cmd_expunge,    kNeedsMailbox | kSync},
    {"FETCH",       cmd_fetch,      kNeedsMailbox | kSyncNoExpunge},
    {"ID",          cmd_id,         0},
    {"IDLE",        cmd_idle,       0},
    {"LIST",        cmd_list,       0},
    {"LOGOUT",      cmd_logout,     0},
    {"LSUB",        cmd_lsub,       0},
    {"MOVE",        cmd_move,       kNeedsMailbox | kSync},
    {"NAMESPACE",   cmd_namespace,  0},
    {"NOOP",        cmd_noop,       kSync},
    {"RENAME",      cmd_rename,     0},
    {"SEARCH",      cmd_search,     kNeedsMailbox | kSyncNoExpunge},
    {"SELECT",      cmd_select,     0},
    {"SORT",        cmd_sort,       kNeedsMailbox | kSyncNoExpunge},
    {"STATUS",      cmd_status,     0},
    {"STORE",       cmd_store,      kNeedsMailbox | kSyncNoExpunge},
    {"SUBSCRIBE",   cmd_subscribe,  0},
    {"THREAD",      cmd_thread,     kNeedsMailbox | kSyncNoExpunge},
    {"UID COPY",    cmd_copy,       kNeedsMailbox | kSync},
    {"UID EXPUNGE", cmd_expunge,    kNeedsMailbox | kSync},
    {"UID FETCH",   cmd_fetch,      kNeedsMailbox | kSync},
    {"UID MOVE",    cmd_move,       kNeedsMailbox | kSync},
    {"UID SEARCH",  cmd_search,     kNeedsMailbox | kSync},
    {"UID SORT",    cmd_sort,       kNeedsMailbox | kSync},
    {"UID STORE",   cmd_store,      kNeedsMailbox | kSync},
    {"UID THREAD",  cmd_thread,     kNeedsMailbox | kSync},
    {"UNSELECT",    cmd_unselect,   kNeedsMailbox},
    {"UNSUBSCRIBE", cmd_subscribe,  0},
    {"XLIST",       cmd_list,       0},
};
// clang-format on

}  // namespace

const CommandEntry* find_command(std::string_view name) {
  for (const auto& entry : kCommands) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace dovetail::mda::imap
