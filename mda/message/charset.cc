// Charsets and case by ICU: to_utf8, known_charset (search.h) and search_fold (headers.h).
// SPDX-License-Identifier: Apache-2.0
#include <unicode/uchar.h>
#include <unicode/ucnv.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <memory>

#include "common/base/text.h"
#include "mda/message/headers.h"
#include "mda/message/search.h"

namespace dovetail::mda {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The next character, negative if the bytes at `i` are none; ICU's macro narrows on its own.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
UChar32 next_code_point(std::string_view text, int32_t& i) {
  const char* bytes = text.data();
  int32_t length = static_cast<int32_t>(text.size());
  UChar32 c;
  U8_NEXT(bytes, i, length, c);
  return c;
}
#pragma GCC diagnostic pop

// Valid UTF-8 from anything: bytes that belong to no character become U+FFFD.
std::string repair_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  int32_t length = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < length;) {
    int32_t begin = i;
    UChar32 c = next_code_point(text, i);
    if (c < 0)
      out += kReplacement;
    else
      out.append(text.substr(static_cast<size_t>(begin), static_cast<size_t>(i - begin)));
  }
  return out;
}

void append_code_point(std::string& out, UChar32 c) {
  char bytes[U8_MAX_LENGTH];
  int32_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, c);
  out.append(bytes, static_cast<size_t>(length));
}

struct ConverterCloser {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
};
using ConverterPointer = std::unique_ptr<UConverter, ConverterCloser>;

ConverterPointer open_converter(std::string_view charset) {
  UErrorCode status = U_ZERO_ERROR;
  ConverterPointer converter(ucnv_open(std::string(charset).c_str(), &status));
  if (U_FAILURE(status)) converter.reset();
  return converter;
}

}  // namespace

bool known_charset(std::string_view name) {
  if (name.empty()) return false;
  return open_converter(name) != nullptr;
}

std::string to_utf8(std::string_view text, std::string_view charset) {
  if (base::is_ascii(text) && !base::istarts_with(charset, "utf-7") &&
      !base::istarts_with(charset, "iso-2022") && !base::istarts_with(charset, "utf-16") &&
      !base::istarts_with(charset, "hz")) {
    return std::string(text);
  }
  if (charset.empty() || base::iequals(charset, "utf-8") || base::iequals(charset, "us-ascii")) {
    return repair_utf8(text);
  }
  ConverterPointer converter = open_converter(charset);
  if (!converter) return repair_utf8(text);
  UErrorCode status = U_ZERO_ERROR;
  std::string out(text.size() * 3 + 16, '\0');
  for (int round = 0; round < 2; ++round) {
    status = U_ZERO_ERROR;
    int32_t need =
        ucnv_toAlgorithmic(UCNV_UTF8, converter.get(), out.data(), static_cast<int32_t>(out.size()),
                           text.data(), static_cast<int32_t>(text.size()), &status);
    out.resize(static_cast<size_t>(need));
    if (status != U_BUFFER_OVERFLOW_ERROR) break;
  }
  return U_FAILURE(status) ? repair_utf8(text) : out;
}

// i;unicode-casemap (RFC 5051): titlecase, then compatibility decomposition.
std::string search_fold(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2* nfkd = unorm2_getNFKDInstance(&status);
  int32_t length = static_cast<int32_t>(utf8.size());
  for (int32_t i = 0; i < length;) {
    char byte = utf8[static_cast<size_t>(i)];
    if (static_cast<unsigned char>(byte) < 128) {
      out += base::to_upper(byte);
      ++i;
      continue;
    }
    UChar32 c = next_code_point(utf8, i);
    if (c < 0) {
      out += kReplacement;
      continue;
    }
    c = u_totitle(c);
    UChar buffer[32];
    status = U_ZERO_ERROR;
    int32_t count = U_SUCCESS(status) && nfkd != nullptr
                        ? unorm2_getDecomposition(nfkd, c, buffer, 32, &status)
                        : -1;
    if (count <= 0 || U_FAILURE(status)) {
      append_code_point(out, c);
      continue;
    }
    for (int32_t k = 0; k < count;) {
      UChar32 piece;
      U16_NEXT(buffer, k, count, piece);
      append_code_point(out, piece);
    }
  }
  return out;
}

}  // namespace dovetail::mda
