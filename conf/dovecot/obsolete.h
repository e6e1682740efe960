// Names and forms of Dovecot 1.x that 2.3 still takes: each gives one warning and becomes what it is called today.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "conf/dovecot/parser.h"

namespace dovetail::conf::dovecot {

class ObsoleteNames {
 public:
  explicit ObsoleteNames(Parser& parser) : parser_(parser) {}

  // True if nothing is left to do for the line. May change key and value.
  Result<bool> set(Line& line);
  Result<bool> open_block(const std::string& key, const std::string& name);
  std::string protocol_name(const std::string& key, const std::string& name);
  std::string service_name(const std::string& key, const std::string& name);

 private:
  void warn(std::string text);
  // Sets a path as if it stood in this line, outside all blocks.
  Result<void> put(const std::string& path, const std::string& value, bool from_file = false);
  Result<void> put_in_services(std::string_view suffix, std::string_view key,
                               const std::string& value);
  Result<bool> service_setting(const Line& line);
  Result<bool> listen_with_port(Line& line, bool ssl);
  Result<bool> ssl_protocols(const Line& line);
  Result<bool> simple(Line& line);
  Result<bool> value_forms(Line& line);
  Result<bool> protocols(Line& line);
  Result<bool> inside_auth(Line& line);

  Parser& parser_;
};

}  // namespace dovetail::conf::dovecot
