// Any bytes as the words of mail that all rooms read: address lists, SMTP paths, header lines, status codes, DSN options,
// Content- fields, encoded words, replies. What is written out again must read the same, and pieces must not matter.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/dsn.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"
#include "common/mail/queue_id.h"
#include "common/mail/reply.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

void check_addresses(std::string_view text) {
  auto list = mail::AddressList::parse(text, 200);
  (void)list.text();
  for (size_t i = 0; i < list.size(); ++i) {
    const auto internal = list.address(i);
    const auto domain = mail::split_address(internal).second;
    mail::fold_domain(internal);
    tests::refuse(!mail::is_one_line(internal) ||
                  !mail::is_one_line(mail::quote_address(internal)));
    // A domain that is none is not quoted.
    if (domain && domain->find_first_not_of("abcdefghijklmnopqrstuvwxyz.-") != domain->npos)
      continue;
    tests::refuse(mail::unquote_address(mail::quote_address(internal)) != internal);
  }
  tests::refuse(list.changed());
  if (list.size() > 0) {
    list.replace(0, "frank@example.org");
    auto again = mail::AddressList::parse(list.text(), 400);
    tests::refuse(again.size() == 0);
  }
  for (bool strict : {false, true}) {
    auto path = mail::parse_path(text, strict);
    tests::refuse(path && path->length > text.size());
  }
}

void check_headers(std::string_view text) {
  const auto name = text.substr(0, mail::header_name_length(text));
  mail::find_header(name);
  mail::split_header(text);
  const auto unfolded = mail::unfold_header(text);
  mail::fold_header(text);
  mail::parse_content_type(unfolded);
  mail::parse_content_disposition(unfolded);
  mail::parse_transfer_encoding(unfolded);
  for (size_t at = 0; (at = text.find("=?", at)) != text.npos; ++at) {
    auto word = mail::parse_encoded_word(text.substr(at));
    tests::refuse(word && word->length > text.size() - at);
  }
}

void check_dsn(std::string_view text) {
  auto split = mail::split_dsn(text, "5.0.0");
  tests::refuse(!mail::is_dsn(split.status));
  mail::with_dsn_class(split.status, '4');
  if (auto flags = mail::parse_notify(text);
      flags && mail::parse_notify(mail::format_notify(*flags)) != flags)
    abort();
  mail::parse_ret(text);
  mail::split_orcpt(text);
  tests::refuse(mail::decode_xtext(mail::encode_xtext(text)) != text);
  mail::decode_xtext(text);
}

template <class Decoder>
std::string decode_in_steps(std::string_view text, size_t step) {
  Decoder decoder;
  std::string out;
  for (size_t at = 0; at < text.size(); at += step) decoder.feed(text.substr(at, step), out);
  if constexpr (requires { decoder.finish(out); }) decoder.finish(out);
  return out;
}

void check_codings(std::string_view text) {
  using mail::Base64Decoder, mail::QuotedPrintableDecoder;
  tests::refuse(decode_in_steps<Base64Decoder>(text, 1) !=
                decode_in_steps<Base64Decoder>(text, 100000));
  tests::refuse(decode_in_steps<QuotedPrintableDecoder>(text, 1) !=
                decode_in_steps<QuotedPrintableDecoder>(text, 100000));
  tests::refuse(decode_in_steps<Base64Decoder>(base::base64(text), 7) != text);
  tests::refuse(base::unbase64(base::base64(text)) != text || base::unhex(base::hex(text)) != text);
  if (auto bytes = base::unbase64(text); bytes && base::base64(*bytes).size() != text.size())
    abort();
  tests::refuse(base::is_utf8(text) && !base::is_utf8(base::printable(text, true)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = tests::input_text(data, size);
  check_addresses(text);
  check_headers(text);
  check_dsn(text);
  check_codings(text);
  if (mail::is_queue_id(text)) {
    mail::queue_id_hash_key(text);
    mail::queue_id_inode(text);
  }
  mail::is_long_queue_id(text);
  mail::ReplyReader replies;
  for (auto line : base::split(text, '\n')) {
    if (replies.add(line) == mail::ReplyReader::State::done) (void)replies.take().wire();
  }
  return 0;
}
