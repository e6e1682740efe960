// SPDX-License-Identifier: Apache-2.0
#include "common/service/control.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/text.h"

namespace dovetail::service {

ControlFields::Rows::const_iterator ControlFields::find(std::string_view name) const {
  return std::find_if(rows_.begin(), rows_.end(), [&](auto& row) { return row.first == name; });
}

std::string& ControlFields::operator[](std::string_view name) {
  for (auto& [known, value] : rows_) {
    if (known == name) return value;
  }
  return rows_.emplace_back(name, std::string()).second;
}

void ControlFields::emplace(std::string_view name, std::string_view value) {
  if (!contains(name)) rows_.emplace_back(name, value);
}

void ControlFields::erase(std::string_view name) {
  std::erase_if(rows_, [&](auto& row) { return row.first == name; });
}

std::string ControlFields::take(std::string_view name) {
  for (auto& [known, value] : rows_) {
    if (known == name) return std::exchange(value, {});
  }
  return {};
}

std::string ControlMessage::get(std::string_view name) const {
  auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

unsigned ControlMessage::number(std::string_view name) const {
  return base::parse_number<unsigned>(get(name)).value_or(0);
}

std::string ControlMessage::encode() const {
  std::string out = verb;
  out += '\n';
  for (auto& [name, value] : fields) {
    out += name;
    out += '=';
    out += value;
    out += '\n';
  }
  return out;
}

ControlMessage ControlMessage::decode(std::string_view bytes) {
  ControlMessage message;
  bool first = true;
  for (auto line : base::split(bytes, '\n')) {
    auto [name, value] = base::cut(line, '=');
    if (std::exchange(first, false))
      message.verb = line;
    else if (value && line.find('\0') == line.npos)
      message.fields.emplace(name, *value);
  }
  return message;
}

Result<base::Fd> sealed_memory(const std::string& name, std::string_view bytes) {
  base::Fd fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return errno_error("memfd_create", errno);
  auto written = base::write_all(fd.get(), bytes);
  if (!written) return written.error();
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) !=
      0) {
    return errno_error("seal settings", errno);
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

}  // namespace dovetail::service
