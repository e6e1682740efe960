// The words of notices: four templates with a subject and a text, ours or those of bounce_template_file. Manual: bounce(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::mta {

struct NoticeTemplate {
  std::string charset = "us-ascii";
  std::string from = "MAILER-DAEMON (Mail Delivery System)";
  std::string subject;
  std::string postmaster_subject;  // failure and delay only
  std::string text;                // lines with '\n', macros unexpanded
};

struct NoticeTemplates {
  NoticeTemplate failure, delay, success, verify;

  static NoticeTemplates built_in();
  // A file with "failure_template = <<EOF" blocks; what it lacks stays built in. Errors name file and line.
  static Result<NoticeTemplates> parse(const std::string& name, std::string_view text);
  // The form bounce(5) reads, for postconf -t; with expand (postconf -b) its macros are replaced.
  std::string dump(const std::function<std::string(std::string_view)>& expand) const;
};

// $name and ${name} of main.cf; ${delay_warning_time_hours} and the like give a time in that unit.
std::string expand_template(std::string_view text, const conf::MainCf& cf);

}  // namespace dovetail::mta
