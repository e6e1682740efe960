// SPDX-License-Identifier: Apache-2.0
#include "mta/bounce/templates.h"

#include "common/base/text.h"
#include "conf/bind.h"

namespace dovetail::mta {

namespace {

struct TemplateName {
  std::string_view name;
  NoticeTemplate NoticeTemplates::*field;
};
constexpr TemplateName kTemplateNames[] = {
    {"failure_template", &NoticeTemplates::failure},
    {"delay_template", &NoticeTemplates::delay},
    {"success_template", &NoticeTemplates::success},
    {"verify_template", &NoticeTemplates::verify},
};

struct TimeUnit {
  std::string_view suffix;
  int64_t seconds;
};
constexpr TimeUnit kTimeUnits[] = {
    {"_seconds", 1}, {"_minutes", 60}, {"_hours", 3600}, {"_days", 86400}, {"_weeks", 604800}};

std::string template_value(std::string_view name, const conf::MainCf& cf) {
  for (auto& unit : kTimeUnits) {
    if (!name.ends_with(unit.suffix)) continue;
    auto time = conf::read_time(cf, name.substr(0, name.size() - unit.suffix.size()));
    if (time) return std::to_string(time->count() / unit.seconds);
  }
  return cf.get(name);
}

// Header lines of a template up to the empty line, then its text.
Result<NoticeTemplate> read_template(std::string_view text, NoticeTemplate base,
                                     const std::string& where) {
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty()) break;
    auto [name, value] = base::cut(line, ':');
    if (!value)
      return config_error(format("{}: template header expected, not \"{}\"", where, line));
    auto content = std::string(base::trim(*value));
    if (base::iequals(name, "charset"))
      base.charset = content;
    else if (base::iequals(name, "from"))
      base.from = content;
    else if (base::iequals(name, "subject"))
      base.subject = content;
    else if (base::iequals(name, "postmaster-subject"))
      base.postmaster_subject = content;
    else
      return config_error(format("{}: unknown template header \"{}\"", where, name));
  }
  base.text = text;
  return base;
}

}  // namespace

NoticeTemplates NoticeTemplates::built_in() {
  NoticeTemplates out;
  out.failure.subject = "Undelivered Mail Returned to Sender";
  out.failure.postmaster_subject = "Postmaster Copy: Undelivered Mail";
  out.failure.text =
      "This is the mail server $myhostname.\n\n"
      "Your message did not reach everyone it was addressed to. Each address\n"
      "that failed is listed below with the reason, and your message follows.\n\n"
      "If you need help, write to postmaster and include this report.\n\n"
      "                   The mail server\n";
  out.delay.subject = "Delayed Mail (still being retried)";
  out.delay.postmaster_subject = "Postmaster Warning: Delayed Mail";
  out.delay.text =
      "This is the mail server $myhostname.\n\n"
      "  This is only a warning. There is no need to send your message again.\n\n"
      "It has been waiting for more than ${delay_warning_time_hours} hour(s) and will be tried "
      "until\n"
      "it is ${maximal_queue_lifetime_days} day(s) old.\n\n"
      "If you need help, write to postmaster and include this report.\n\n"
      "                   The mail server\n";
  out.success.subject = "Successful Mail Delivery Report";
  out.success.text =
      "This is the mail server $myhostname.\n\n"
      "Your message reached the addresses listed below. Where another mail\n"
      "server took it over, that one tells you if it cannot deliver it after all.\n\n"
      "                   The mail server\n";
  out.verify.subject = "Mail Delivery Status Report";
  out.verify.text =
      "This is the mail server $myhostname.\n\n"
      "Here is the delivery report that was asked for.\n\n"
      "                   The mail server\n";
  return out;
}

Result<NoticeTemplates> NoticeTemplates::parse(const std::string& name, std::string_view text) {
  auto out = built_in();
  auto lines = base::split(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    auto line = base::trim(lines[i]);
    if (line.empty() || line.front() == '#') continue;
    auto where = format("{}, line {}", name, i + 1);
    auto [key, value] = base::cut(line, '=');
    auto end_mark = value ? base::trim(*value) : std::string_view();
    if (!end_mark.starts_with("<<")) return config_error(where + ": \"name = <<EOF\" expected");
    end_mark = base::trim(end_mark.substr(2));
    std::string body;
    size_t at = i + 1;
    for (; at < lines.size() && base::trim_right(lines[at]) != end_mark; ++at)
      body += std::string(lines[at]) + "\n";
    if (at == lines.size()) return config_error(format("{}: missing \"{}\"", where, end_mark));
    bool known = false;
    for (auto& row : kTemplateNames) {
      if (row.name != base::trim(key)) continue;
      auto read = read_template(body, out.*row.field, where);
      if (!read) return read.error();
      out.*row.field = std::move(*read);
      known = true;
    }
    if (!known)
      return config_error(format("{}: unknown template name: {}", where, base::trim(key)));
    i = at;
  }
  return out;
}

std::string NoticeTemplates::dump(
    const std::function<std::string(std::string_view)>& expand) const {
  std::string out;
  for (auto& row : kTemplateNames) {
    auto& one = this->*row.field;
    out += format("{}{} = <<EOF\nCharset: {}\nFrom: {}\nSubject: {}\n", out.empty() ? "" : "\n",
                  row.name, one.charset, one.from, one.subject);
    if (!one.postmaster_subject.empty())
      out += format("Postmaster-Subject: {}\n", one.postmaster_subject);
    out += "\n" + expand(one.text) + "EOF\n";
  }
  return out;
}

std::string expand_template(std::string_view text, const conf::MainCf& cf) {
  std::string out;
  while (!text.empty()) {
    auto dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == text.npos) break;
    text.remove_prefix(dollar + 1);
    bool braces = !text.empty() && (text[0] == '{' || text[0] == '(');
    if (braces) text.remove_prefix(1);
    size_t length = 0;
    while (length < text.size() && (base::is_alnum(text[length]) || text[length] == '_')) ++length;
    if (length == 0)
      out += '$';
    else
      out += template_value(text.substr(0, length), cf);
    text.remove_prefix(length);
    if (braces && !text.empty()) text.remove_prefix(1);
  }
  return out;
}

}  // namespace dovetail::mta
