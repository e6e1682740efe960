// Follows the MIME structure of a message line by line, as far as header checks and the encoding need it: which lines are
// headers of the message, of a part, or of a nested message, and what encoding was declared (RFC 2045, 2046).
// Parts are never decoded here.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/mail/envelope.h"

namespace dovetail::mta {

class MimeState {
 public:
  enum class Place { primary, part, nested, body };
  struct Limits {
    size_t nesting = 100;
    size_t boundary_length = 2048;
    bool enabled = true;  // disable_mime_input_processing = no
  };
  explicit MimeState(Limits limits) : limits_(limits) {}

  Place place() const { return place_; }
  bool in_headers() const { return place_ != Place::body; }
  // A finished header of the current entity.
  void header(std::string_view logical);
  // The headers of the current entity are over.
  void end_headers();
  // A line of the body, or one that is no header where headers were expected: true if it is a boundary. A boundary
  // other than the last of its multipart begins the headers of a part.
  bool boundary(std::string_view line);

  // Of the entity whose body we are in.
  bool declared_8bit() const { return entity_8bit_; }
  // Of the whole message: 8bit if any entity said so.
  mail::Encoding encoding() const { return encoding_; }
  bool too_deep() const { return too_deep_; }
  bool bad_domain() const {
    return bad_domain_;
  }  // multipart or message/* in base64 and the like (RFC 2045 6.4)

 private:
  enum class Type { text, multipart, message };
  void content_type(std::string_view value);
  void transfer_encoding(std::string_view value);
  void begin_entity(Place place);

  Limits limits_;
  Place place_ = Place::primary;
  Type type_ = Type::text;
  bool digest_ = false;   // multipart/digest: its parts are messages
  std::string boundary_;  // of the current entity, pushed when its headers end
  struct Multipart {
    std::string boundary;
    bool digest = false;
  };
  std::vector<Multipart> open_;
  bool entity_8bit_ = false, entity_encoded_ = false;
  bool too_deep_ = false, bad_domain_ = false;
  mail::Encoding encoding_ = mail::Encoding::none;
};

}  // namespace dovetail::mta
