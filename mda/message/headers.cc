// Header blocks, unfolding and encoded words; see headers.h. Dates stand in message_date.cc, subjects in subject.cc.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/headers.h"

#include "common/base/text.h"
#include "common/mail/mime.h"
#include "mda/message/search.h"

namespace dovetail::mda {

std::vector<HeaderField> parse_header_block(std::string_view block) {
  std::vector<HeaderField> fields;
  size_t at = 0;
  while (at < block.size()) {
    size_t begin = at;
    // A field reaches to the first line end that no blank follows.
    size_t end = block.size();
    for (size_t lf = block.find('\n', at); lf != std::string_view::npos;
         lf = block.find('\n', lf + 1)) {
      if (lf + 1 >= block.size() || (block[lf + 1] != ' ' && block[lf + 1] != '\t')) {
        end = lf + 1;
        break;
      }
    }
    at = end;
    std::string_view whole = block.substr(begin, end - begin);
    size_t first_line = whole.find('\n');
    if (whole.empty() || whole == "\n" || whole == "\r\n") break;  // the empty line
    size_t colon = whole.find(':');
    if (colon == std::string_view::npos ||
        (first_line != std::string_view::npos && colon > first_line))
      continue;
    std::string_view value = whole.substr(colon + 1);
    if (value.ends_with('\n')) value.remove_suffix(1);
    if (value.ends_with('\r')) value.remove_suffix(1);
    fields.push_back({base::trim_right(whole.substr(0, colon), base::kBlank), value, whole});
  }
  return fields;
}

std::string unfold(std::string_view value) {
  std::string text;
  text.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    char c = value[i];
    if (c == '\r' && (i + 1 == value.size() || value[i + 1] == '\n')) continue;
    if (c == '\n') {
      // The blank that begins the next line stays, as one space if it is a tab.
      if (i + 1 < value.size() && value[i + 1] == '\t') {
        text += ' ';
        ++i;
      }
      continue;
    }
    text += c == '\0' ? ' ' : c == '\r' ? ' ' : c;
  }
  return std::string(base::trim_left(text, base::kBlank));
}

std::string decode_header(std::string_view value) {
  std::string raw = unfold(value);
  std::string_view rest = raw;
  std::string out, plain, bytes, charset;
  auto flush_word = [&] {
    if (!bytes.empty()) out += to_utf8(bytes, charset);
    bytes.clear();
  };
  bool after_word = false;
  while (!rest.empty()) {
    size_t begin = rest.find("=?");
    std::string_view before = rest.substr(0, begin);
    if (!before.empty() &&
        !(after_word && base::trim(before).empty() && begin != std::string_view::npos)) {
      flush_word();
      out += to_utf8(before, "utf-8");
      after_word = false;
      before = {};
    }
    if (begin == std::string_view::npos) break;
    rest.remove_prefix(begin);
    auto word = mail::parse_encoded_word(rest);
    if (!word) {
      flush_word();
      out += before;
      out += "=?";
      rest.remove_prefix(2);
      after_word = false;
      continue;
    }
    // Neighbours of one charset are joined before converting: some mailers cut characters in two.
    if (!base::iequals(word->charset, charset)) flush_word();
    charset = word->charset;
    bytes += word->bytes;
    rest.remove_prefix(word->length);
    after_word = true;
  }
  flush_word();
  return out;
}

std::optional<std::string> find_header(const std::vector<HeaderField>& fields,
                                       std::string_view name) {
  for (const HeaderField& field : fields) {
    if (base::iequals(field.name, name)) return unfold(field.value);
  }
  return std::nullopt;
}

std::vector<std::string> message_ids(std::string_view value) {
  std::vector<std::string> ids;
  size_t at = 0;
  while ((at = value.find('<', at)) != std::string_view::npos) {
    size_t end = value.find('>', at);
    if (end == std::string_view::npos) break;
    std::string id;
    bool quoted = false;
    for (char c : value.substr(at + 1, end - at - 1)) {
      if (c == '"')
        quoted = !quoted;
      else if (quoted || !base::is_space(c))
        id += c;
    }
    if (id.find('@') != std::string::npos) ids.push_back(std::move(id));
    at = end + 1;
  }
  return ids;
}

}  // namespace dovetail::mda
