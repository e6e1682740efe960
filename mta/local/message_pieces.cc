// SPDX-License-Identifier: Apache-2.0
#include "mta/local/message_pieces.h"

#include <unistd.h>

#include <cerrno>

namespace dovetail::mta {

void MessagePieces::fill() {
  std::string piece(65536, '\0');
  ssize_t got;
  do {
    got = ::read(fd_.get(), piece.data(), piece.size());
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    broken_ = true;
    return;
  }
  buffer_.append(piece, 0, static_cast<size_t>(got));
}

std::optional<Job> MessagePieces::read_job() {
  while (!broken_) {
    std::string_view input = buffer_;
    if (auto list = proto::decode_attributes(input)) {
      buffer_.erase(0, buffer_.size() - input.size());
      return Job::decode(*list);
    }
    fill();
  }
  return std::nullopt;
}

std::optional<std::string> MessagePieces::take() {
  if (ended()) return "";
  if (left_ == 0) {
    if (buffer_.size() < 4) return std::nullopt;
    for (size_t i = 0; i < 4; ++i) left_ = left_ << 8 | static_cast<unsigned char>(buffer_[i]);
    buffer_.erase(0, 4);
    if (left_ == 0) {
      complete_ = true;
      return "";
    }
  }
  if (buffer_.empty()) return std::nullopt;
  auto piece = buffer_.substr(0, left_);
  buffer_.erase(0, piece.size());
  left_ -= piece.size();
  return piece;
}

std::string MessagePieces::next() {
  for (;;) {
    if (auto piece = take()) return *piece;
    fill();
  }
}

void MessagePieces::answer(const JobResult& result) {
  while (!ended()) next();
  // Nobody is left to tell if this fails: the front takes silence for a deferral.
  (void)base::write_all(fd_.get(), result.encode().encode());
}

}  // namespace dovetail::mta
