// SPDX-License-Identifier: Apache-2.0
#include "mta/cleanup/parameters.h"

#include "common/base/text.h"

namespace dovetail::mta {

namespace {

using P = CleanupParameters;
// clang-format off
constexpr conf::Bind<P> cleanup_bindings[] = {
    {"myhostname",                         &P::myhostname},
    {"recipient_delimiter",                &P::recipient_delimiter},
    {"hash_queue_names",                   &P::hash_queue_names},
    {"hash_queue_depth",                   &P::hash_queue_depth},
    {"enable_long_queue_ids",              &P::enable_long_queue_ids},
    {"enable_original_recipient",          &P::enable_original_recipient},
    {"remote_header_rewrite_domain",       &P::remote_header_rewrite_domain},
    {"canonical_maps",                     &P::canonical_maps},
    {"canonical_classes",                  &P::canonical_classes},
    {"sender_canonical_maps",              &P::sender_canonical_maps},
    {"sender_canonical_classes",           &P::sender_canonical_classes},
    {"recipient_canonical_maps",           &P::recipient_canonical_maps},
    {"recipient_canonical_classes",        &P::recipient_canonical_classes},
    {"virtual_alias_maps",                 &P::virtual_alias_maps},
    {"virtual_alias_expansion_limit",      &P::virtual_alias_expansion_limit},
    {"virtual_alias_recursion_limit",      &P::virtual_alias_recursion_limit},
    {"virtual_alias_address_length_limit", &P::virtual_alias_address_length_limit},
    {"propagate_unmatched_extensions",     &P::propagate_unmatched_extensions},
    {"masquerade_domains",                 &P::masquerade_domains},
    {"masquerade_exceptions",              &P::masquerade_exceptions},
    {"masquerade_classes",                 &P::masquerade_classes},
    {"always_bcc",                         &P::always_bcc},
    {"sender_bcc_maps",                    &P::sender_bcc_maps},
    {"recipient_bcc_maps",                 &P::recipient_bcc_maps},
    {"header_checks",                      &P::header_checks},
    {"mime_header_checks",                 &P::mime_header_checks},
    {"nested_header_checks",               &P::nested_header_checks},
    {"body_checks",                        &P::body_checks},
    {"body_checks_size_limit",             &P::body_checks_size_limit},
    {"message_drop_headers",               &P::message_drop_headers},
    {"message_reject_characters",          &P::message_reject_characters},
    {"message_strip_characters",           &P::message_strip_characters},
    {"undisclosed_recipients_header",      &P::undisclosed_recipients_header},
    {"header_from_format",                 &P::header_from_format},
    {"header_size_limit",                  &P::header_size_limit},
    {"header_address_token_limit",         &P::header_address_token_limit},
    {"always_add_missing_headers",         &P::always_add_missing_headers},
    {"hopcount_limit",                     &P::hopcount_limit},
    {"duplicate_filter_limit",             &P::duplicate_filter_limit},
    {"line_length_limit",                  &P::line_length_limit},
    {"message_size_limit",                 &P::message_size_limit},
    {"queue_minfree",                      &P::queue_minfree},
    {"delay_warning_time",                 &P::delay_warning_time},
    {"detect_8bit_encoding_header",        &P::detect_8bit_encoding_header},
    {"disable_mime_input_processing",      &P::disable_mime_input_processing},
    {"mime_nesting_limit",                 &P::mime_nesting_limit},
    {"mime_boundary_length_limit",         &P::mime_boundary_length_limit},
    {"strict_7bit_headers",                &P::strict_7bit_headers},
    {"strict_8bitmime",                    &P::strict_8bitmime},
    {"strict_8bitmime_body",               &P::strict_8bitmime_body},
    {"strict_mime_encoding_domain",        &P::strict_mime_encoding_domain},
    {"non_smtpd_milters",                  &P::non_smtpd_milters},
};

struct ClassName {
  std::string_view name;
  unsigned bit;
};
constexpr ClassName class_names[] = {
    {"envelope_sender", kEnvelopeSender},    {"envelope_recipient", kEnvelopeRecipient},
    {"header_sender", kHeaderSenderPlace},   {"header_recipient", kHeaderRecipientPlace},
};
// clang-format on

struct OpenedClass {
  std::string_view parameter;
  const std::string* value;
  unsigned* into;
};

Result<void> open_maps_into(net::Loop& loop, const conf::MainCf& cf,
                            const lookup::OpenOptions& options, std::string_view title,
                            const std::string& value, lookup::Maps& into) {
  auto opened = lookup::Maps::open(loop, cf, title, value, options);
  if (!opened) return opened.error();
  into = std::move(*opened);
  return {};
}

bool list_has(std::string_view list, std::string_view word) {
  for (std::string_view at : base::words(list, ", \t\r\n")) {
    if (base::iequals(at, word)) return true;
  }
  return false;
}

}  // namespace

Result<CleanupParameters> read_cleanup_parameters(const conf::MainCf& main_cf) {
  return conf::read(main_cf, cleanup_bindings);
}

Result<unsigned> parse_address_classes(std::string_view parameter, std::string_view value) {
  unsigned bits = 0;
  for (std::string_view word : base::words(value, ", \t\r\n")) {
    unsigned bit = 0;
    for (const ClassName& row : class_names) {
      if (base::iequals(row.name, word)) bit = row.bit;
    }
    if (bit == 0)
      return config_error(format("unknown {} value \"{}\" in \"{}\"", parameter, word, value));
    bits |= bit;
  }
  return bits;
}

std::string unescape_characters(std::string_view text) {
  static constexpr std::string_view letters = "abfnrtv\\", bytes = "\a\b\f\n\r\t\v\\";
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    char c = text[++i];
    size_t at = letters.find(c);
    if (at != std::string_view::npos) {
      out += bytes[at];
    } else if (c >= '0' && c <= '7') {
      unsigned value = 0;
      size_t digits = 0;
      for (; digits < 3 && i < text.size() && text[i] >= '0' && text[i] <= '7'; ++digits, ++i)
        value = value * 8 + static_cast<unsigned>(text[i] - '0');
      --i;
      out += static_cast<char>(value);
    } else {
      out += c;
    }
  }
  return out;
}

Result<CleanupTables> open_cleanup_tables(net::Loop& loop, const conf::MainCf& main_cf,
                                          const CleanupParameters& p, const Logger& log) {
  CleanupTables tables;
  lookup::OpenOptions options{log};
  struct Row {
    std::string_view title;
    const std::string& value;
    lookup::Maps& into;
  } rows[] = {
      {"canonical_maps", p.canonical_maps, tables.canonical},
      {"sender_canonical_maps", p.sender_canonical_maps, tables.sender_canonical},
      {"recipient_canonical_maps", p.recipient_canonical_maps, tables.recipient_canonical},
      {"virtual_alias_maps", p.virtual_alias_maps, tables.virtual_alias},
      {"sender_bcc_maps", p.sender_bcc_maps, tables.sender_bcc},
      {"recipient_bcc_maps", p.recipient_bcc_maps, tables.recipient_bcc},
      {"header_checks", p.header_checks, tables.header_checks},
      {"mime_header_checks", p.mime_header_checks, tables.mime_header_checks},
      {"nested_header_checks", p.nested_header_checks, tables.nested_header_checks},
      {"body_checks", p.body_checks, tables.body_checks},
  };
  for (Row& row : rows) {
    auto done = open_maps_into(loop, main_cf, options, row.title, row.value, row.into);
    if (!done) return done.error();
  }
  OpenedClass classes[] = {
      {"canonical_classes", &p.canonical_classes, &tables.canonical_classes},
      {"sender_canonical_classes", &p.sender_canonical_classes, &tables.sender_canonical_classes},
      {"recipient_canonical_classes", &p.recipient_canonical_classes,
       &tables.recipient_canonical_classes},
      {"masquerade_classes", &p.masquerade_classes, &tables.masquerade_classes},
  };
  for (OpenedClass& row : classes) {
    auto bits = parse_address_classes(row.parameter, *row.value);
    if (!bits) return bits.error();
    *row.into = *bits;
  }
  auto exceptions = lookup::MatchList::open(loop, main_cf, "masquerade_exceptions",
                                            p.masquerade_exceptions, false, options);
  if (!exceptions) return exceptions.error();
  tables.masquerade_exceptions = std::move(*exceptions);
  for (std::string_view word : base::words(p.masquerade_domains, ", \t\r\n"))
    tables.masquerade_domains.push_back(base::lower(word));
  for (std::string_view word : base::words(p.message_drop_headers, ", \t\r\n"))
    tables.drop_headers.push_back(std::string(base::trim_right(word, ":")));
  tables.propagate_canonical = list_has(p.propagate_unmatched_extensions, "canonical");
  tables.propagate_virtual = list_has(p.propagate_unmatched_extensions, "virtual");
  tables.reject_characters = unescape_characters(p.message_reject_characters);
  tables.strip_characters = unescape_characters(p.message_strip_characters);
  return tables;
}

}  // namespace dovetail::mta
