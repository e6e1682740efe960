// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postconf/edit_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "mta/tools/postconf/postconf.h"

namespace dovetail::mta::postconf {
namespace {

// A physical line is either skipped by readers (comment, empty) or part of an entry.
struct Piece {
  std::string line;
  bool is_comment = false;
};
struct Group {
  std::vector<Piece>
      pieces;  // an entry with the comments in and behind it; the first group has comments only
  FileEntry entry;
};

std::vector<Group> split_file(std::string_view text) {
  std::vector<Group> groups(1);
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::string_view trimmed = base::trim_left(line);
    bool is_comment = trimmed.empty() || trimmed[0] == '#';
    bool continues = !is_comment && base::is_space(line[0]);
    if (!is_comment && !continues) groups.emplace_back();
    Group& group = groups.back();
    // A continuation of nothing is no entry either.
    is_comment = is_comment || (continues && groups.size() == 1);
    if (!is_comment) {
      group.entry.text += line;
      group.entry.lines.push_back(line + "\n");
    }
    group.pieces.push_back({line + "\n", is_comment});
  }
  return groups;
}

std::string write_group(Group& group, const FileEdit& edit) {
  using Action = FileEdit::Action;
  Action action = group.entry.lines.empty() ? Action::keep : edit.decide(group.entry);
  std::string out;
  if (action == Action::replace_now) out += edit.replacement(group.entry);
  for (const Piece& piece : group.pieces) {
    if (piece.is_comment || action == Action::keep) out += piece.line;
    if (!piece.is_comment && action == Action::comment_out) out += "#" + piece.line;
  }
  if (action == Action::replace_behind) out += edit.replacement(group.entry);
  return out;
}

}  // namespace

void edit_file(const std::string& path, const FileEdit& edit) {
  struct stat st {};
  auto fd = base::open_file(path, O_RDONLY);
  if (!fd) fatal(errno_error("open " + path + " for reading", errno).text);
  auto text = base::read_all(fd->get());
  if (!text || ::fstat(fd->get(), &st) != 0) fatal(errno_error("read " + path, errno).text);
  std::string out;
  for (Group& group : split_file(*text)) out += write_group(group, edit);
  out += edit.append();
  auto written = base::replace_file(path, out, st.st_mode & 07777);
  if (!written) fatal(written.error().text);
  if (::chown(path.c_str(), st.st_uid, st.st_gid) != 0 && ::geteuid() == 0) {
    warning(errno_error("chown " + path, errno).text);
  }
}

}  // namespace dovetail::mta::postconf
