// One message on its way in: from MAIL to the end of data. One object, thrown away whole.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lookup/maps.h"
#include "mta/resolve/resolve.h"
#include "mta/smtpd/data_reader.h"
#include "mta/smtpd/esmtp.h"
#include "mta/smtpd/message_store.h"

namespace dovetail::mta::smtpd {

struct Transaction {
  std::string sender;  // internal form
  MailOptions options;
  std::unique_ptr<Message> message;  // from the first accepted recipient on
  int recipients = 0;
  int overshoot = 0;  // recipients behind smtpd_recipient_limit
  std::optional<std::string> first_recipient;
  std::string instance;  // of policy requests; made when first asked for

  // What access tables decided for the whole message.
  bool hold = false, discard = false;
  std::string filter, redirect;
  std::vector<std::string> bcc, prepend;
  std::string handed_over;  // of these, what the written envelope has; see begin_content()

  // Content.
  bool content_begun = false;  // headers of ours are written
  bool first_line = true;
  uint64_t octets = 0;  // lines as they were received
  bool too_big = false;
  bool bare_lf = false;  // refused for it (smtpd_forbid_bare_newline = reject)
  struct Chunks {        // BDAT
    DataReader reader;
    std::string partial;  // a line that goes on in the next chunk
  };
  std::optional<Chunks> chunks;

  // Answers already had for this message.
  lookup::LookupCache cache;
  std::map<std::string, Resolution, std::less<>> resolved;
};

}  // namespace dovetail::mta::smtpd
