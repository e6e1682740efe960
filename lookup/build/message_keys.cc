// SPDX-License-Identifier: Apache-2.0
#include "lookup/build/message_keys.h"

#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

// RFC 5322 2.2: printable characters up to a colon; blanks before the colon are tolerated as in RFC 822.
bool is_header_line(std::string_view line) {
  auto colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  auto name = base::trim_right(line.substr(0, colon), base::kBlank);
  if (name.empty()) return false;
  for (char c : name) {
    if (c <= ' ' || c == 127) return false;
  }
  return true;
}

// The boundary parameter of a multipart Content-Type, or "".
std::string boundary_of(std::string_view value) {
  auto lowered = base::lower(value);
  if (!base::trim_left(lowered).starts_with("multipart/")) return {};
  auto at = lowered.find("boundary=");
  if (at == std::string::npos) return {};
  auto text = value.substr(at + 9);
  if (text.starts_with('"')) return std::string(base::cut(text.substr(1), '"').first);
  auto end = text.find_first_of("; \t\r\n");
  return std::string(text.substr(0, end));
}

class MessageSplitter {
 public:
  MessageSplitter(bool headers, bool body, bool mime)
      : headers_(headers), body_(body), mime_(mime) {}

  void line(std::string_view text) {
    if (in_headers_) return header_line(text);
    if (mime_ && at_boundary(text)) return;
    if (body_) keys_.emplace_back(text);
  }

  std::vector<std::string> finish() {
    end_header();
    return std::move(keys_);
  }

 private:
  void header_line(std::string_view text) {
    if (!header_.empty() && !text.empty() && (text.front() == ' ' || text.front() == '\t')) {
      header_ += '\n';
      header_ += text;
      return;
    }
    end_header();
    if (is_header_line(text)) {
      header_ = text;
      return;
    }
    end_headers();
    if (text.empty() || !body_) return;
    keys_.emplace_back(text);
  }

  void end_header() {
    if (header_.empty()) return;
    if (headers_) keys_.push_back(header_);
    auto [name, value] = base::cut(header_, ':');
    if (mime_ && base::iequals(base::trim(name), "content-type") && value) {
      next_boundary_ = boundary_of(*value);
      message_part_ = base::istarts_with(base::trim(*value), "message/rfc822");
    }
    header_.clear();
  }

  void end_headers() {
    in_headers_ = message_part_;  // an attached message starts with headers of its own
    message_part_ = false;
    if (!next_boundary_.empty()) boundaries_.push_back(std::move(next_boundary_));
    next_boundary_.clear();
  }

  // RFC 2046 5.1.1: "--boundary" starts a part, "--boundary--" ends the innermost multipart.
  bool at_boundary(std::string_view text) {
    if (!text.starts_with("--")) return false;
    auto rest = base::trim_right(text.substr(2));
    for (size_t at = boundaries_.size(); at > 0; --at) {
      auto& boundary = boundaries_[at - 1];
      if (!rest.starts_with(boundary)) continue;
      bool last = rest.substr(boundary.size()).starts_with("--");
      boundaries_.resize(last ? at - 1 : at);
      in_headers_ = !last;
      if (body_) keys_.emplace_back(text);
      return true;
    }
    return false;
  }

  bool headers_, body_, mime_;
  bool in_headers_ = true;
  bool message_part_ = false;
  std::string header_, next_boundary_;
  std::vector<std::string> boundaries_;
  std::vector<std::string> keys_;
};

}  // namespace

std::vector<std::string> message_keys(std::string_view message, bool headers, bool body,
                                      bool mime) {
  MessageSplitter splitter(headers, body, mime);
  while (!message.empty()) {
    auto end = message.find('\n');
    splitter.line(message.substr(0, end));
    message.remove_prefix(end == std::string_view::npos ? message.size() : end + 1);
  }
  return splitter.finish();
}

}  // namespace dovetail::lookup
