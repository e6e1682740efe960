// Lists such as smtpd_recipient_restrictions: how they are written, what a word of them is, and the run through one list
// (postconf(5), access(5)). The verbs stand in the files beside this one, their table in verbs.cc; in which order the
// lists of the stages run is checks.h.
//
// What is not understood or not supported here never lets mail through: it answers 451 4.3.5 and is named in a warning.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/base/result.h"
#include "common/mail/reply.h"
#include "common/net/task.h"
#include "lookup/maps.h"

namespace dovetail::mta::smtpd {

class Check;
class Session;
struct SmtpdParameters;

enum class Verdict { dunno, ok, reject };

struct Restriction;
using RestrictionList = std::vector<Restriction>;
using Handler = Task<Verdict> (*)(Check&, const Restriction&);

// What stands behind a verb in the list.
enum class Takes { nothing, table, word, policy };

struct Verb {
  std::string_view name;
  Handler handler = nullptr;  // nullptr: known to the incumbent, not supported yet
  Takes takes = Takes::nothing;
};
const Verb* find_verb(std::string_view name);

struct Restriction {
  std::string name;            // as written
  const Verb* verb = nullptr;  // nullptr: a class, or unknown
  std::string argument;
  std::shared_ptr<const lookup::Maps> table;
};

// Which check_*_access a bare "type:table" in a list means.
enum class DefaultAccess { none, client, helo, sender, recipient, etrn };

// All lists of a service, and the tables they name (each opened once).
class Restrictions {
 public:
  Restrictions(net::Loop& loop, const conf::MainCf& main_cf, Logger log,
               lookup::OpenOptions options);

  // Reads the smtpd_*_restrictions and smtpd_restriction_classes. An error is the incumbent's fatal line (no working
  // reject_unauth_destination).
  Result<void> open(const SmtpdParameters& parameters);
  RestrictionList parse(std::string_view text, DefaultAccess access);
  // A list from a table's result; kept, since tables repeat themselves.
  const RestrictionList& from_table(std::string_view text, DefaultAccess access);
  const RestrictionList* find_class(std::string_view name) const;

  RestrictionList client, helo, sender, relay, recipient, data, end_of_data, etrn;

 private:
  std::shared_ptr<const lookup::Maps> table(std::string_view type_name);
  bool has_working(const RestrictionList& list, int depth) const;
  Result<void> open_classes(std::string_view names);

  net::Loop& loop_;
  const conf::MainCf& main_cf_;
  Logger log_;
  lookup::OpenOptions options_;
  std::map<std::string, std::shared_ptr<const lookup::Maps>, std::less<>> tables_;
  std::map<std::string, RestrictionList, std::less<>> classes_, from_tables_;
};

// One run through a list, for one subject; verbs get it to read the session and to say their verdict.
class Check {
 public:
  // about: what replies name between <>; words: "Client host", "Sender address", ...
  Check(Session& session, std::string about, std::string_view words, DefaultAccess bare_tables)
      : s(session), subject(std::move(about)), reply_class(words), access(bare_tables) {}

  Task<Verdict> run(const RestrictionList& list);

  // The list's verdict is a refusal; softened to a reject_warning line behind warn_if_reject.
  // dsn is given the class of the code.
  Verdict reject(int code, std::string_view dsn, std::string text);
  // The same, whatever warn_if_reject says: something of ours is broken.
  Verdict broken(int code, std::string_view dsn, std::string text);
  Verdict server_error();                         // 451 4.3.5 Server configuration error
  Verdict lookup_failed(std::string_view about);  // 451 4.3.0 <about>: Temporary lookup failure
  // Remembered; decides when the outcome would be to accept (or to refuse for good). The first one stays.
  Verdict defer_if_permit(int code, std::string_view dsn, std::string text);
  Verdict defer_if_reject(int code, std::string_view dsn, std::string text);
  // Writes "QID: whatsup: STAGE from client: text; from=...".
  void log_line(std::string_view whatsup, std::string_view text) const;
  // "<subject>: Class rejected: text"
  std::string rejected(std::string_view text) const;

  Session& s;
  std::string subject;
  std::string_view reply_class;
  DefaultAccess access;
  bool warn_if_reject = false;
  int depth = 0;
  std::optional<mail::Reply> refusal;

 private:
  Task<Verdict> run_one(const Restriction& restriction);
  Verdict refuse(int code, std::string_view dsn, std::string text);
};

// Stage words of replies.
inline constexpr std::string_view kClientHost = "Client host";
inline constexpr std::string_view kHeloCommand = "Helo command";
inline constexpr std::string_view kSenderAddress = "Sender address";
inline constexpr std::string_view kRecipientAddress = "Recipient address";
inline constexpr std::string_view kDataCommand = "Data command";
inline constexpr std::string_view kEndOfData = "End-of-data";
inline constexpr std::string_view kEtrnCommand = "Etrn command";

}  // namespace dovetail::mta::smtpd
