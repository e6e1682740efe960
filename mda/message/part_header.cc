// What a part says of itself; see part_header.h. Of envelope texts that come twice the last counts, addresses are joined,
// as in the incumbent.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/part_header.h"

#include "common/base/text.h"
#include "common/mail/mime.h"
#include "mda/message/headers.h"

namespace dovetail::mda {

namespace {

struct EnvelopeName {
  std::string_view name;
  std::string EnvelopeFields::*field;
  bool addresses;
};
// clang-format off
constexpr EnvelopeName envelope_names[] = {
    {"Date",        &EnvelopeFields::date,        false},
    {"Subject",     &EnvelopeFields::subject,     false},
    {"From",        &EnvelopeFields::from,        true},
    {"Sender",      &EnvelopeFields::sender,      true},
    {"Reply-To",    &EnvelopeFields::reply_to,    true},
    {"To",          &EnvelopeFields::to,          true},
    {"Cc",          &EnvelopeFields::cc,          true},
    {"Bcc",         &EnvelopeFields::bcc,         true},
    {"In-Reply-To", &EnvelopeFields::in_reply_to, false},
    {"Message-ID",  &EnvelopeFields::message_id,  false},
    {"References",  &EnvelopeFields::references,  false},
};
// clang-format on
constexpr unsigned kSubjectBit = 2;

void read_envelope_field(const HeaderField& field, EnvelopeFields& envelope) {
  unsigned bit = 1;
  for (const auto& known : envelope_names) {
    if (base::iequals(field.name, known.name)) {
      std::string& text = envelope.*known.field;
      if (known.addresses && (envelope.present & bit))
        text += ", " + unfold(field.value);
      else
        text = bit == kSubjectBit ? std::string(base::trim_left(field.value, base::kBlank))
                                  : unfold(field.value);
      envelope.present |= bit;
      return;
    }
    bit <<= 1;
  }
}

std::vector<std::string> read_languages(std::string_view value) {
  std::vector<std::string> languages;
  mail::HeaderWords words(value);
  while (!words.done()) {
    words.skip_blanks();
    std::string language = words.token();
    if (!language.empty()) languages.push_back(std::move(language));
    words.skip_blanks();
    if (!words.eat(',')) words.until(",");
  }
  return languages;
}

// Names are told apart by their first letters; all of them begin with "Content-".
void read_content_field(const HeaderField& field, Part& part, unsigned& seen) {
  std::string_view name = field.name.substr(8);
  auto first = [&](unsigned bit) { return (seen & bit) ? false : (seen |= bit, true); };
  if (base::iequals(name, "Type") && first(1)) {
    mail::ContentType content = mail::parse_content_type(unfold(field.value));
    part.type = std::move(content.type);
    part.subtype = std::move(content.subtype);
    part.parameters = std::move(content.parameters);
    part.typed = true;
  } else if (base::iequals(name, "Transfer-Encoding") && first(2)) {
    mail::HeaderWords words(field.value);
    words.skip_blanks();
    part.encoding = words.token();
    words.skip_blanks();
    if (!words.done()) part.encoding.clear();  // more than one word says nothing
  } else if (base::iequals(name, "Disposition")) {
    mail::ContentDisposition disposition = mail::parse_content_disposition(unfold(field.value));
    part.disposition = std::move(disposition.value);
    part.disposition_parameters = std::move(disposition.parameters);
  } else if (base::iequals(name, "ID") && first(8)) {
    part.id = unfold(field.value);
  } else if (base::iequals(name, "Description") && first(16)) {
    part.description = unfold(field.value);
  } else if (base::iequals(name, "MD5") && first(32)) {
    part.md5 = unfold(field.value);
  } else if (base::iequals(name, "Location") && first(64)) {
    part.location = unfold(field.value);
  } else if (base::iequals(name, "Language") && first(128)) {
    part.languages = read_languages(unfold(field.value));
  }
}

}  // namespace

void read_part_header(std::string_view header, Part& part, bool envelope, bool digest,
                      std::string& boundary) {
  unsigned seen = 0;
  for (const HeaderField& field : parse_header_block(header)) {
    if (base::istarts_with(field.name, "Content-"))
      read_content_field(field, part, seen);
    else if (envelope)
      read_envelope_field(field, part.envelope);
  }
  part.message = part.typed
                     ? base::iequals(part.type, "message") && base::iequals(part.subtype, "rfc822")
                     : digest;
  part.text = part.typed ? base::iequals(part.type, "text") : !digest;
  part.multipart = base::iequals(part.type, "multipart");
  if (part.multipart && part.subtype.empty()) {  // half a type is told as opaque bytes
    part.multipart = false;
    part.type = "application";
    part.subtype = "octet-stream";
    part.parameters.clear();
  }
  if (part.multipart)
    boundary = std::string(
        base::trim_right(mail::find_parameter(part.parameters, "boundary").value_or("")));
}

}  // namespace dovetail::mda
