// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/criterion.h"

#include <algorithm>

#include "common/base/text.h"
#include "mda/imap/text_form.h"
#include "mda/storage/types.h"

namespace dovetail::mda::imap {

namespace {

// Parentheses, NOT and OR nest; a client has no reason to go deeper, and the matcher recurses.
constexpr unsigned kCriteriaDepth = 100;

enum class Operand : uint8_t {
  none,
  header,
  named_text,
  keyword,
  size,
  date,
  seconds,
  set,
  modseq,
  guid
};

struct CriterionName {
  std::string_view name;
  Criterion::Kind kind;
  Operand operand = Operand::none;
  uint8_t flag = 0;
  bool negated = false;
};

// clang-format off
constexpr CriterionName kCriterionNames[] = {
    {"ALL",         Criterion::Kind::all},
    {"ANSWERED",    Criterion::Kind::flag,         Operand::none, kAnswered},
    {"UNANSWERED",  Criterion::Kind::flag,         Operand::none, kAnswered, true},
    {"DELETED",     Criterion::Kind::flag,         Operand::none, kDeleted},
    {"UNDELETED",   Criterion::Kind::flag,         Operand::none, kDeleted, true},
    {"DRAFT",       Criterion::Kind::flag,         Operand::none, kDraft},
    {"UNDRAFT",     Criterion::Kind::flag,         Operand::none, kDraft, true},
    {"FLAGGED",     Criterion::Kind::flag,         Operand::none, kFlagged},
    {"UNFLAGGED",   Criterion::Kind::flag,         Operand::none, kFlagged, true},
    {"SEEN",        Criterion::Kind::flag,         Operand::none, kSeen},
    {"UNSEEN",      Criterion::Kind::flag,         Operand::none, kSeen, true},
    {"RECENT",      Criterion::Kind::recent},
    {"OLD",         Criterion::Kind::recent,       Operand::none, 0, true},
    {"KEYWORD",     Criterion::Kind::keyword,      Operand::keyword},
    {"UNKEYWORD",   Criterion::Kind::keyword,      Operand::keyword, 0, true},
    {"LARGER",      Criterion::Kind::larger,       Operand::size},
    {"SMALLER",     Criterion::Kind::smaller,      Operand::size},
    {"BEFORE",      Criterion::Kind::before,       Operand::date},
    {"ON",          Criterion::Kind::on,           Operand::date},
    {"SINCE",       Criterion::Kind::since,        Operand::date},
    {"SENTBEFORE",  Criterion::Kind::sent_before,  Operand::date},
    {"SENTON",      Criterion::Kind::sent_on,      Operand::date},
    {"SENTSINCE",   Criterion::Kind::sent_since,   Operand::date},
    {"SAVEDBEFORE", Criterion::Kind::saved_before, Operand::date},
    {"SAVEDON",     Criterion::Kind::saved_on,     Operand::date},
    {"SAVEDSINCE",  Criterion::Kind::saved_since,  Operand::date},
    {"OLDER",       Criterion::Kind::older,        Operand::seconds},
    {"YOUNGER",     Criterion::Kind::younger,      Operand::seconds},
    {"UID",         Criterion::Kind::uid,          Operand::set},
    {"MODSEQ",      Criterion::Kind::modseq,       Operand::modseq},
    {"X-GUID",      Criterion::Kind::guid,         Operand::guid},
    {"HEADER",      Criterion::Kind::header,       Operand::named_text},
    {"BCC",         Criterion::Kind::header,       Operand::header},
    {"CC",          Criterion::Kind::header,       Operand::header},
    {"FROM",        Criterion::Kind::header,       Operand::header},
    {"SUBJECT",     Criterion::Kind::header,       Operand::header},
    {"TO",          Criterion::Kind::header,       Operand::header},
    {"BODY",        Criterion::Kind::body,         Operand::header},
    {"TEXT",        Criterion::Kind::text,         Operand::header},
};
// clang-format on

Result<Criterion> parse_criterion(ArgReader& args, unsigned depth);

Error missing_operand(std::string_view name) {
  return permanent(format("Missing parameter for {}", name));
}

Result<Criterion> parse_all_of(ArgReader& args, unsigned depth) {
  Criterion all{Criterion::Kind::both};
  while (!args.at_end()) {
    auto one = parse_criterion(args, depth);
    if (!one) return one.error();
    all.children.push_back(std::move(*one));
  }
  if (all.children.size() == 1) return std::move(all.children.front());
  return all;
}

// RFC 7162 3.1.5: [<entry name> <entry type>] <modseq>; the entry makes no difference here.
Result<Criterion> parse_modseq(ArgReader& args, Criterion criterion) {
  if (args.peek() && args.peek()->is_string()) {
    args.skip();
    if (!args.accept("priv") && !args.accept("shared") && !args.accept("all")) {
      return permanent("Invalid MODSEQ entry type");
    }
  }
  auto value = args.number();
  if (!value) return permanent("Invalid MODSEQ value");
  criterion.number = *value;
  return criterion;
}

Result<Criterion> parse_operand(ArgReader& args, const CriterionName& known, Criterion criterion) {
  if (known.operand == Operand::modseq) return parse_modseq(args, std::move(criterion));
  if (known.operand == Operand::size || known.operand == Operand::seconds) {
    auto number = args.number();
    if (!number) return permanent(format("Invalid parameter for {}", known.name));
    if (known.operand == Operand::seconds && *number == 0)
      return permanent("Invalid search interval parameter");
    criterion.number = *number;
    return criterion;
  }
  if (known.operand == Operand::header) criterion.name = known.name;
  if (known.operand == Operand::named_text) {
    auto header = args.astring();
    if (!header) return missing_operand(known.name);
    criterion.name = *header;
  }
  auto value = args.astring();
  if (!value) return missing_operand(known.name);
  if (known.operand == Operand::keyword) {
    criterion.name = *value;
  } else if (known.operand == Operand::date) {
    auto days = parse_date(*value);
    if (!days) return permanent("Invalid search date parameter");
    criterion.number = static_cast<uint64_t>(*days);
  } else if (known.operand == Operand::set && *value == "$") {
    criterion.kind = Criterion::Kind::saved_result;
  } else if (known.operand == Operand::set) {
    auto set = SequenceSet::parse(*value);
    if (!set) return permanent("Invalid UID messageset");
    criterion.set = std::move(*set);
  } else {
    criterion.value = *value;
  }
  return criterion;
}

Result<Criterion> parse_combined(ArgReader& args, std::string_view name, unsigned depth) {
  Criterion combined{name == "OR" ? Criterion::Kind::either : Criterion::Kind::both};
  for (int left = name == "OR" ? 2 : 1; left > 0; --left) {
    if (args.at_end()) return missing_operand(name);
    auto child = parse_criterion(args, depth + 1);
    if (!child) return child.error();
    combined.children.push_back(std::move(*child));
  }
  combined.negated = name == "NOT";
  return combined;
}

Result<Criterion> parse_criterion(ArgReader& args, unsigned depth) {
  if (depth > kCriteriaDepth) return permanent("Query is too complex");
  if (auto list = args.list()) {
    ArgReader inner(*list);
    if (inner.at_end()) return permanent("Empty list not allowed");
    return parse_all_of(inner, depth + 1);
  }
  auto word = args.peek();
  if (!word || !word->is_astring()) return permanent("Invalid search argument");
  args.skip();
  auto name = base::upper(word->text);
  if (name == "NOT" || name == "OR") return parse_combined(args, name, depth);
  if (name == "NEW") {  // RFC 3501: RECENT UNSEEN
    Criterion fresh{Criterion::Kind::both};
    fresh.children.push_back({Criterion::Kind::recent});
    fresh.children.push_back({Criterion::Kind::flag, true, kSeen});
    return fresh;
  }
  if (name == "$") return Criterion{Criterion::Kind::saved_result};
  if (!name.empty() && (base::is_digit(name[0]) || name[0] == '*')) {
    auto set = SequenceSet::parse(name);
    if (!set) return permanent("Invalid messageset");
    Criterion sequence{Criterion::Kind::sequence};
    sequence.set = std::move(*set);
    return sequence;
  }
  for (const auto& known : kCriterionNames) {
    if (known.name != name) continue;
    Criterion criterion{known.kind, known.negated, known.flag};
    if (known.operand == Operand::none) return criterion;
    return parse_operand(args, known, std::move(criterion));
  }
  return permanent(format("Unknown argument {}", base::printable(name)));
}

}  // namespace

bool Criterion::asks_modseq() const {
  if (kind == Criterion::Kind::modseq) return true;
  return std::any_of(children.begin(), children.end(),
                     [](const Criterion& child) { return child.asks_modseq(); });
}

Result<Criterion> parse_criteria(ArgReader& args) {
  if (args.at_end()) return permanent("Missing search parameters");
  return parse_all_of(args, 0);
}

}  // namespace dovetail::mda::imap
