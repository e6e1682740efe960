// dovecot.conf 2.3 read into a Tree: blocks, filters, includes, obsolete names, type checks - everything that has a
// file and line number when it is wrong. What can only be judged when all is read is in checks.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "conf/dovecot/lines.h"
#include "conf/dovecot/schema.h"
#include "conf/dovecot/settings.h"

namespace dovetail::conf::dovecot {

class Parser {
 public:
  explicit Parser(Tree& tree) : tree_(tree) {}

  // Errors come complete: "Error in configuration file F line N: ...", or "open(F) failed: ..." for the first file.
  Result<void> parse_file(const std::string& path);
  // The same from memory, as if it stood in a file of that name.
  Result<void> parse_text(std::string_view text, const std::string& path);
  // After the last file: "Missing '}' (section started at F:N)", or empty.
  std::string unclosed() const;
  // -o key=value
  Result<void> apply_override(const Override& override);

 private:
  friend class ObsoleteNames;

  struct Section {
    std::string key;     // "service", "namespace", "protocol"
    std::string prefix;  // "service/imap/" as paths of its settings begin
    std::size_t filter;  // the filter its settings go to
    bool is_filter = false;
    bool auth = false;  // the obsolete auth { }
    std::uint32_t file = 0, line = 0;
  };

  Result<void> take(const Line& line);
  Result<void> include(const Line& line, bool must_exist);
  Result<void> open_block(const std::string& key, const std::string& name);
  Result<void> open_filter(const std::string& key, const std::string& name);
  Result<void> close_block();
  Result<std::string> add_element(const std::string& list, const Place& place,
                                  const std::string& name);
  Result<void> set(const Line& line);
  Result<void> assign(const std::string& path, const Line& line);
  Result<void> check_auth_in_filter(const std::string& path, const Place& place) const;
  Result<std::string> expand_self(const std::string& path, const std::string& key,
                                  const std::string& value) const;
  std::string current_value(const std::string& path) const;
  void warn_about_earlier_filters(const std::string& path);
  bool element_exists(const std::string& list, const std::string& escaped) const;
  Error unknown_setting(std::string_view key) const;
  Error at_line(const Error& error) const;

  const std::string& prefix() const;
  std::size_t filter() const { return stack_.empty() ? 0 : stack_.back().filter; }

  Tree& tree_;
  std::vector<Section> stack_;
  std::vector<std::string> open_files_;
  std::uint32_t file_ = 0, line_ = 0;
  unsigned unnamed_ = 0;
  bool noted_obsolete_ = false;
};

}  // namespace dovetail::conf::dovecot
