// SEARCH HEADER, BODY and TEXT, and PREVIEW; see search.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/search.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/mime.h"
#include "mda/message/file_bytes.h"
#include "mda/message/headers.h"

namespace dovetail::mda {

namespace {

constexpr size_t kSearchPiece = size_t{256} << 10;
constexpr size_t kPreviewSource = 16384;
constexpr size_t kPreviewCharacters = 200;

// Marks the keys found in `folded`, together with what was left from the piece before.
class KeyFinder {
 public:
  explicit KeyFinder(const std::vector<SearchKey>& keys) : keys_(keys), found_(keys.size()) {
    for (size_t i = 0; i < keys.size(); ++i) {
      longest_ = std::max(longest_, keys[i].folded().size());
      if (keys[i].empty()) found_[i] = true;
    }
  }
  void feed(std::string_view folded) {
    std::string text = tail_ + std::string(folded);
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (!found_[i] && keys_[i].in(text)) found_[i] = true;
    }
    tail_ = text.substr(text.size() - std::min(text.size(), longest_));
  }
  void end_text() { tail_.clear(); }
  bool all() const {
    return std::all_of(found_.begin(), found_.end(), [](bool found) { return found; });
  }
  std::vector<bool> take() { return std::move(found_); }

 private:
  const std::vector<SearchKey>& keys_;
  std::vector<bool> found_;
  size_t longest_ = 0;
  std::string tail_;
};

std::string part_charset(const Part& part) {
  return mail::find_parameter(part.parameters, "charset").value_or("utf-8");
}

// A text part's body, transfer decoding undone, charset as it stands.
Result<std::string> decoded_body(int fd, const Part& part, uint64_t most) {
  auto raw = read_bytes_at(fd, part.body_offset, std::min(part.body.physical, most));
  if (!raw) return raw.error();
  mail::TransferEncoding encoding = mail::parse_transfer_encoding(part.encoding);
  std::string out;
  if (encoding == mail::TransferEncoding::base64) {
    mail::Base64Decoder decoder;
    decoder.feed(*raw, out);
  } else if (encoding == mail::TransferEncoding::quoted_printable) {
    mail::QuotedPrintableDecoder decoder;
    decoder.feed(*raw, out);
    decoder.finish(out);
  } else {
    out = std::move(*raw);
  }
  return out;
}

Result<void> search_headers(int fd, const Part& part, KeyFinder& finder) {
  auto block = read_bytes_at(fd, part.header_offset, part.header.physical);
  if (!block) return block.error();
  for (const HeaderField& field : parse_header_block(*block)) {
    finder.feed(search_fold(std::string(field.name) + ": " + decode_header(field.value)));
    finder.end_text();
  }
  return {};
}

Result<void> search_body(int fd, const Part& part, KeyFinder& finder) {
  auto body = decoded_body(fd, part, part.body.physical);
  if (!body) return body.error();
  std::string text = to_utf8(*body, part_charset(part));
  for (size_t at = 0; at < text.size() && !finder.all();) {
    // Pieces end between characters, so that folding never sees half of one.
    size_t end = std::min(text.size(), at + kSearchPiece);
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    finder.feed(search_fold(std::string_view(text).substr(at, end - at)));
    at = end;
  }
  finder.end_text();
  return {};
}

// Character data of HTML without tags, comments, style and script; the commonest entities only.
std::string html_to_text(std::string_view html) {
  std::string out;
  for (size_t i = 0; i < html.size(); ++i) {
    if (html[i] == '<') {
      std::string_view rest = html.substr(i);
      size_t end = std::string_view::npos;
      if (rest.starts_with("<!--"))
        end = rest.find("-->");
      else if (base::istarts_with(rest, "<style"))
        end = base::lower(rest).find("</style");
      else if (base::istarts_with(rest, "<script"))
        end = base::lower(rest).find("</script");
      else
        end = 0;
      if (end == std::string_view::npos) break;
      size_t close = rest.find('>', end);
      if (close == std::string_view::npos) break;
      i += close;
      out += ' ';
    } else if (html[i] == '&') {
      struct Entity {
        std::string_view name, text;
      };
      constexpr Entity entities[] = {
          {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&nbsp;", " "}};
      auto known = std::find_if(
          std::begin(entities), std::end(entities),
          [&](const Entity& entity) { return html.substr(i).starts_with(entity.name); });
      if (known == std::end(entities)) {
        out += '&';
      } else {
        out += known->text;
        i += known->name.size() - 1;
      }
    } else {
      out += html[i];
    }
  }
  return out;
}

std::string squeeze_preview(std::string_view text) {
  std::string out;
  size_t characters = 0;
  bool blank = false;
  for (char c : text) {
    if (base::is_space(c)) {
      blank = !out.empty();
      continue;
    }
    bool begins_character = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins_character && characters + (blank ? 1 : 0) >= kPreviewCharacters) break;
    if (blank) {
      out += ' ';
      ++characters;
      blank = false;
    }
    characters += begins_character;
    out += c;
  }
  return out;
}

}  // namespace

SearchKey::SearchKey(std::string_view utf8) : folded_(search_fold(utf8)) {}

bool SearchKey::in(std::string_view folded_text) const {
  return folded_text.find(folded_) != std::string_view::npos;
}

bool header_matches(std::string_view header_block, std::string_view name, const SearchKey& key) {
  for (const HeaderField& field : parse_header_block(header_block)) {
    if (!base::iequals(field.name, name)) continue;
    if (key.empty() || key.in(search_fold(decode_header(field.value)))) return true;
  }
  return false;
}

Result<std::vector<bool>> search_message(int fd, const Structure& structure, SearchIn where,
                                         const std::vector<SearchKey>& keys) {
  KeyFinder finder(keys);
  for (const Part& part : structure.parts) {
    if (finder.all()) break;
    bool inner_message =
        part.parent >= 0 && structure.parts[static_cast<size_t>(part.parent)].message;
    bool headers = where == SearchIn::text ? part.parent < 0 || inner_message : inner_message;
    if (headers) {
      if (auto done = search_headers(fd, part, finder); !done) return done.error();
    }
    if (part.text) {
      if (auto done = search_body(fd, part, finder); !done) return done.error();
    }
  }
  return finder.take();
}

Result<std::string> preview_text(int fd, const Structure& structure) {
  for (const Part& part : structure.parts) {
    if (!part.text) continue;
    auto body = decoded_body(fd, part, kPreviewSource);
    if (!body) return body.error();
    std::string text = to_utf8(*body, part_charset(part));
    if (base::iequals(part.subtype, "html")) text = html_to_text(text);
    text = squeeze_preview(text);
    if (!text.empty()) return text;
  }
  return std::string();
}

}  // namespace dovetail::mda
