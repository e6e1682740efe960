// SPDX-License-Identifier: Apache-2.0
#include "mta/cleanup/mime_state.h"

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/header.h"

namespace dovetail::mta {

void MimeState::begin_entity(Place place) {
  place_ = place;
  type_ = digest_ && place == Place::part ? Type::message : Type::text;
  digest_ = false;
  boundary_.clear();
  entity_8bit_ = entity_encoded_ = false;
}

void MimeState::content_type(std::string_view value) {
  auto tokens = mail::tokenize(value, 200);
  if (tokens.empty() || tokens[0].kind != mail::Token::atom) return;
  type_ = Type::text;
  digest_ = false;
  std::string type = base::lower(tokens[0].text);
  if (type.starts_with("message/") && type != "message/partial" && type != "message/external-body")
    type_ = Type::message;
  if (!type.starts_with("multipart/")) return;
  type_ = Type::multipart;
  digest_ = type == "multipart/digest";
  for (size_t i = 1; i < tokens.size(); ++i) {
    // "boundary=x" is one token, boundary="x y" two, boundary = x three.
    auto [name, rest] = base::cut(tokens[i].text, '=');
    if (tokens[i].kind != mail::Token::atom || !base::iequals(name, "boundary")) continue;
    std::string text(rest.value_or(""));
    size_t at = i + 1;
    if (text.empty() && at < tokens.size() && tokens[at].text == "=") ++at;
    if (text.empty() && at < tokens.size()) text = tokens[at].text;
    boundary_ = text.substr(0, limits_.boundary_length);
    return;
  }
}

void MimeState::transfer_encoding(std::string_view value) {
  std::string word = base::lower(base::trim(value.substr(0, value.find_first_of(" \t\n;("))));
  bool eight = word == "8bit" || word == "binary";
  entity_8bit_ = eight;
  entity_encoded_ = !eight && word != "7bit";
  if (eight)
    encoding_ = mail::Encoding::eight_bit;
  else if (word == "7bit" && encoding_ == mail::Encoding::none)
    encoding_ = mail::Encoding::seven_bit;
}

void MimeState::header(std::string_view logical) {
  if (!limits_.enabled) return;
  auto parts = mail::split_header(logical);
  if (!parts) return;
  const mail::HeaderInfo* info = mail::find_header(parts->name);
  if (!info) return;
  if (info->kind == mail::HeaderKind::content_type) content_type(parts->value);
  if (info->kind == mail::HeaderKind::content_transfer_encoding) transfer_encoding(parts->value);
}

void MimeState::end_headers() {
  bool composite = type_ != Type::text;
  if (composite && entity_encoded_) bad_domain_ = true;
  if (!limits_.enabled || type_ == Type::text || (type_ == Type::multipart && boundary_.empty())) {
    place_ = Place::body;
    return;
  }
  if (type_ == Type::message) {
    begin_entity(Place::nested);
    return;
  }
  if (open_.size() >= limits_.nesting) {
    too_deep_ = true;
    place_ = Place::body;
    return;
  }
  open_.push_back({boundary_, digest_});
  place_ = Place::body;
  type_ = Type::text;
  digest_ = false;
}

bool MimeState::boundary(std::string_view line) {
  if (open_.empty() || !line.starts_with("--")) return false;
  std::string_view rest = line.substr(2);
  for (size_t i = open_.size(); i-- > 0;) {
    // RFC 2046 5.1.1: what stands behind the boundary may only be "--" or blanks; readers take the prefix.
    if (!rest.starts_with(open_[i].boundary)) continue;
    bool last = rest.substr(open_[i].boundary.size()).starts_with("--");
    digest_ = open_[i].digest;
    open_.resize(last ? i : i + 1);
    if (last) {
      digest_ = false;
      place_ = Place::body;
    } else {
      begin_entity(Place::part);
    }
    return true;
  }
  return false;
}

}  // namespace dovetail::mta
