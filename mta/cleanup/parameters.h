// The parameters of cleanup(8) and the tables they name, read once per service line.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "conf/bind.h"
#include "lookup/maps.h"
#include "lookup/match_list.h"

namespace dovetail::mta {

struct CleanupParameters {
  std::string myhostname, recipient_delimiter, hash_queue_names, remote_header_rewrite_domain;
  std::string canonical_maps, sender_canonical_maps, recipient_canonical_maps, virtual_alias_maps;
  std::string canonical_classes, sender_canonical_classes, recipient_canonical_classes,
      propagate_unmatched_extensions;
  std::string masquerade_domains, masquerade_exceptions, masquerade_classes;
  std::string always_bcc, sender_bcc_maps, recipient_bcc_maps;
  std::string header_checks, mime_header_checks, nested_header_checks, body_checks;
  std::string message_drop_headers, undisclosed_recipients_header, header_from_format;
  std::string message_reject_characters, message_strip_characters, non_smtpd_milters;
  int hash_queue_depth = 1, hopcount_limit = 50, header_size_limit = 102400,
      header_address_token_limit = 10240;
  int body_checks_size_limit = 51200, duplicate_filter_limit = 1000, line_length_limit = 2048;
  int virtual_alias_expansion_limit = 1000, virtual_alias_recursion_limit = 1000,
      virtual_alias_address_length_limit = 1000;
  int mime_nesting_limit = 100, mime_boundary_length_limit = 2048;
  long message_size_limit = 10240000, queue_minfree = 0;
  bool enable_long_queue_ids = false, enable_original_recipient = true,
       always_add_missing_headers = false;
  bool detect_8bit_encoding_header = true, disable_mime_input_processing = false;
  bool strict_7bit_headers = false, strict_8bitmime = false, strict_8bitmime_body = false,
       strict_mime_encoding_domain = false;
  conf::Seconds delay_warning_time{0};
};

Result<CleanupParameters> read_cleanup_parameters(const conf::MainCf& main_cf);

// Where an address stands; canonical_classes and the like name these.
enum AddressPlace : unsigned {
  kEnvelopeSender = 1,
  kEnvelopeRecipient = 2,
  kHeaderSenderPlace = 4,
  kHeaderRecipientPlace = 8
};
// "envelope_sender, header_sender": the bits; an unknown word is a config error.
Result<unsigned> parse_address_classes(std::string_view parameter, std::string_view value);

struct CleanupTables {
  lookup::Maps canonical, sender_canonical, recipient_canonical, virtual_alias;
  lookup::Maps sender_bcc, recipient_bcc;
  lookup::Maps header_checks, mime_header_checks, nested_header_checks, body_checks;
  lookup::MatchList masquerade_exceptions;
  unsigned canonical_classes = 0, sender_canonical_classes = 0, recipient_canonical_classes = 0,
           masquerade_classes = 0;
  std::vector<std::string> masquerade_domains;
  std::vector<std::string> drop_headers;
  bool propagate_canonical = false, propagate_virtual = false;
  std::string reject_characters, strip_characters;  // escapes resolved
};

Result<CleanupTables> open_cleanup_tables(net::Loop& loop, const conf::MainCf& main_cf,
                                          const CleanupParameters& parameters, const Logger& log);

// "\0\n\x7f" as bytes: C escapes of message_reject_characters.
std::string unescape_characters(std::string_view text);

}  // namespace dovetail::mta
