// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/match.h"

#include <time.h>

#include <algorithm>
#include <unordered_map>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "mda/imap/envelope_view.h"
#include "mda/imap/message_set.h"
#include "mda/imap/session.h"
#include "mda/message/headers.h"
#include "mda/message/search.h"

namespace dovetail::mda::imap {

namespace {

constexpr size_t kMatchBatch = 1024;
constexpr int64_t kDaySeconds = 86400;

enum class Verdict : uint8_t { no, yes, open };  // open: more has to be read

Verdict verdict(bool holds) {
  return holds ? Verdict::yes : Verdict::no;
}

Verdict opposite(Verdict v) {
  if (v == Verdict::open) return v;
  return v == Verdict::yes ? Verdict::no : Verdict::yes;
}

// RFC 3501 6.4.4: internal dates are compared "disregarding time and timezone", as the server shows them.
int64_t local_day(int64_t seconds) {
  auto moment = static_cast<time_t>(seconds);
  struct tm local {};
  localtime_r(&moment, &local);
  auto as_utc = seconds + local.tm_gmtoff;
  return as_utc >= 0 ? as_utc / kDaySeconds : -((-as_utc + kDaySeconds - 1) / kDaySeconds);
}

// What the index is asked for one leaf; other headers than those of the envelope are in the message only.
unsigned match_wants(const Criterion& criterion) {
  if (criterion.kind == Criterion::Kind::larger || criterion.kind == Criterion::Kind::smaller)
    return kWantSize;
  if (criterion.kind >= Criterion::Kind::before && criterion.kind <= Criterion::Kind::saved_since)
    return kWantDate;
  if (criterion.kind == Criterion::Kind::guid) return kWantGuid;
  bool sent = criterion.kind >= Criterion::Kind::sent_before &&
              criterion.kind <= Criterion::Kind::sent_since;
  return sent ? unsigned{kWantEnvelope} : 0;
}

// What is known of one message so far.
struct Candidate {
  const Row* row = nullptr;
  size_t seq = 0;
  const MessageInfo* info = nullptr;
  const Args* envelope = nullptr;
  const std::string* header = nullptr;
  const std::vector<bool>* body_found = nullptr;  // by number of the leaf
  const std::vector<bool>* text_found = nullptr;
};

}  // namespace

struct Matcher::State {
  explicit State(Session& owner, Criterion asked) : session(owner), root(std::move(asked)) {}

  Session& session;
  Criterion root;
  int64_t now = base::wall_now().seconds;
  std::unordered_map<const Criterion*, SearchKey> keys;         // of header leaves
  std::unordered_map<const Criterion*, unsigned> keyword_bits;  // UINT_MAX: nobody has it
  std::unordered_map<const Criterion*, size_t> leaf_numbers;    // of body and text leaves
  std::vector<SearchKey> body_keys, text_keys;
  std::unordered_map<const Criterion*, EnvelopeField>
      envelope_fields;  // of header leaves the index can answer
  unsigned wants = 0;   // what info() is asked for

  Result<void> prepare(Criterion& criterion, std::string_view charset);
  Verdict ask(const Criterion& criterion, const Candidate& candidate) const;
  Verdict ask_leaf(const Criterion& criterion, const Candidate& candidate) const;
  Verdict ask_row(const Criterion& criterion, const Candidate& candidate) const;
  Verdict ask_info(const Criterion& criterion, const MessageInfo& info) const;
  Verdict ask_envelope(const Criterion& criterion, const Args& envelope) const;
  Verdict ask_sent(const Criterion& criterion, const std::string& date_header) const;
  Task<Result<Verdict>> read_and_ask(Candidate candidate);
  Task<Result<void>> look_closer(std::vector<Uid>& open, std::vector<Uid>& found);
};

Result<void> Matcher::State::prepare(Criterion& criterion, std::string_view charset) {
  const auto& view = *session.selected->view;
  switch (criterion.kind) {
    case Criterion::Kind::sequence:
      if (!resolve_sequence(criterion.set, view.count())) return permanent("Invalid messageset");
      break;
    case Criterion::Kind::uid:
      criterion.set.resolve(view.count() > 0 ? view.row(view.count()).uid : 0);
      break;
    case Criterion::Kind::keyword:
      keyword_bits[&criterion] = view.keyword_number(criterion.name).value_or(UINT32_MAX);
      break;
    case Criterion::Kind::modseq:
      session.enable_condstore();
      break;
    case Criterion::Kind::header:
      keys.emplace(&criterion, SearchKey(to_utf8(criterion.value, charset)));
      if (auto field = envelope_field(criterion.name)) envelope_fields[&criterion] = *field;
      break;
    case Criterion::Kind::body:
    case Criterion::Kind::text: {
      auto& list = criterion.kind == Criterion::Kind::body ? body_keys : text_keys;
      leaf_numbers[&criterion] = list.size();
      list.emplace_back(to_utf8(criterion.value, charset));
      break;
    }
    default:
      break;
  }
  wants |= match_wants(criterion);
  if (envelope_fields.contains(&criterion)) wants |= kWantEnvelope;
  for (auto& child : criterion.children) {
    auto prepared = prepare(child, charset);
    if (!prepared) return prepared.error();
  }
  return {};
}

// Three-valued logic: "no" settles a conjunction and "yes" a disjunction, whatever is still open.
Verdict Matcher::State::ask(const Criterion& criterion, const Candidate& candidate) const {
  Verdict result;
  if (criterion.kind == Criterion::Kind::both || criterion.kind == Criterion::Kind::either) {
    auto settling = criterion.kind == Criterion::Kind::both ? Verdict::no : Verdict::yes;
    result = opposite(settling);
    for (const auto& child : criterion.children) {
      auto one = ask(child, candidate);
      if (one == settling) {
        result = settling;
        break;
      }
      if (one == Verdict::open) result = Verdict::open;
    }
  } else {
    result = ask_leaf(criterion, candidate);
  }
  return criterion.negated ? opposite(result) : result;
}

Verdict Matcher::State::ask_leaf(const Criterion& criterion, const Candidate& candidate) const {
  if (criterion.kind < Criterion::Kind::larger) return ask_row(criterion, candidate);
  if (criterion.kind < Criterion::Kind::header) {
    return candidate.info ? ask_info(criterion, *candidate.info) : Verdict::open;
  }
  if (criterion.kind == Criterion::Kind::header && !envelope_fields.contains(&criterion)) {
    if (!candidate.header) return Verdict::open;
    return verdict(header_matches(*candidate.header, criterion.name, keys.at(&criterion)));
  }
  if (criterion.kind < Criterion::Kind::body) {
    return candidate.envelope ? ask_envelope(criterion, *candidate.envelope) : Verdict::open;
  }
  auto found =
      criterion.kind == Criterion::Kind::body ? candidate.body_found : candidate.text_found;
  return found ? verdict((*found)[leaf_numbers.at(&criterion)]) : Verdict::open;
}

Verdict Matcher::State::ask_row(const Criterion& criterion, const Candidate& candidate) const {
  const auto& selected = *session.selected;
  const auto& row = *candidate.row;
  switch (criterion.kind) {
    case Criterion::Kind::sequence:
      return verdict(criterion.set.contains(static_cast<uint32_t>(candidate.seq)));
    case Criterion::Kind::uid:
      return verdict(criterion.set.contains(row.uid));
    case Criterion::Kind::saved_result: {
      const auto& uids = session.saved_result;
      return verdict(std::binary_search(uids.begin(), uids.end(), row.uid));
    }
    case Criterion::Kind::flag:
      return verdict(selected.flags_of(row).flags & criterion.flag);
    case Criterion::Kind::recent:
      return verdict(selected.is_recent(row));
    case Criterion::Kind::keyword: {
      auto bit = keyword_bits.at(&criterion);
      return verdict(bit < kMaxKeywords && (selected.flags_of(row).keywords >> bit & 1));
    }
    case Criterion::Kind::modseq:
      return verdict(row.modseq >= criterion.number);
    default:
      return Verdict::yes;
  }
}

Verdict Matcher::State::ask_info(const Criterion& criterion, const MessageInfo& info) const {
  auto day = static_cast<int64_t>(criterion.number);
  auto age = now - info.internal_date;
  switch (criterion.kind) {
    case Criterion::Kind::larger:
      return verdict(info.virtual_size > criterion.number);
    case Criterion::Kind::smaller:
      return verdict(info.virtual_size < criterion.number);
    case Criterion::Kind::before:
      return verdict(local_day(info.internal_date) < day);
    case Criterion::Kind::on:
      return verdict(local_day(info.internal_date) == day);
    case Criterion::Kind::since:
      return verdict(local_day(info.internal_date) >= day);
    case Criterion::Kind::saved_before:
      return verdict(local_day(info.save_date) < day);
    case Criterion::Kind::saved_on:
      return verdict(local_day(info.save_date) == day);
    case Criterion::Kind::saved_since:
      return verdict(local_day(info.save_date) >= day);
    case Criterion::Kind::older:
      return verdict(age >= static_cast<int64_t>(std::min<uint64_t>(criterion.number, INT64_MAX)));
    case Criterion::Kind::younger:
      return verdict(age <= static_cast<int64_t>(std::min<uint64_t>(criterion.number, INT64_MAX)));
    case Criterion::Kind::guid:
      return verdict(info.guid == criterion.value);
    default:
      return Verdict::no;
  }
}

Verdict Matcher::State::ask_envelope(const Criterion& criterion, const Args& envelope) const {
  bool sent = criterion.kind != Criterion::Kind::header;
  auto field = sent ? EnvelopeField::date : envelope_fields.at(&criterion);
  auto text = envelope_field_text(envelope, field);
  if (!text) return Verdict::no;
  if (sent) return ask_sent(criterion, *text);
  const auto& key = keys.at(&criterion);
  return verdict(key.empty() || key.in(search_fold(*text)));
}

Verdict Matcher::State::ask_sent(const Criterion& criterion, const std::string& date_header) const {
  auto date = parse_message_date(date_header);
  if (!date) return Verdict::no;
  auto day =
      (date->seconds + date->zone_minutes * 60) / kDaySeconds;  // as written: its own time zone
  auto asked = static_cast<int64_t>(criterion.number);
  if (criterion.kind == Criterion::Kind::sent_before) return verdict(day < asked);
  return verdict(criterion.kind == Criterion::Kind::sent_on ? day == asked : day >= asked);
}

// Opens the message: its header first, its body only if that does not settle it.
Task<Result<Verdict>> Matcher::State::read_and_ask(Candidate candidate) {
  auto opened = co_await session.selected->box->open_message(candidate.row->uid);
  if (!opened) co_return opened.error();
  if (!*opened) co_return Verdict::no;  // gone
  auto& message = **opened;
  auto header = co_await message.header();
  if (!header) co_return header.error();
  candidate.header = &*header;
  auto result = ask(root, candidate);
  if (result != Verdict::open) co_return result;

  auto structure = co_await message.structure();
  if (!structure) co_return structure.error();
  auto search_body = [&] {
    return search_message(message.fd(), **structure, SearchIn::body, body_keys);
  };
  auto search_text = [&] {
    return search_message(message.fd(), **structure, SearchIn::text, text_keys);
  };
  std::vector<bool> in_body, in_text;
  if (!body_keys.empty()) {
    auto found = co_await session.pool.run(search_body);
    if (!found) co_return found.error();
    in_body = std::move(*found);
    candidate.body_found = &in_body;
    result = ask(root, candidate);
    if (result != Verdict::open) co_return result;
  }
  if (!text_keys.empty()) {
    auto found = co_await session.pool.run(search_text);
    if (!found) co_return found.error();
    in_text = std::move(*found);
    candidate.text_found = &in_text;
  }
  co_return ask(root, candidate);
}

// A batch whose rows left the answer open. Uids that match go to found; open is emptied.
Task<Result<void>> Matcher::State::look_closer(std::vector<Uid>& open, std::vector<Uid>& found) {
  auto uids = std::exchange(open, {});
  const auto& view = *session.selected->view;
  std::vector<MessageInfo> infos(uids.size());
  if (wants) {
    auto known = co_await session.selected->box->info(uids, wants);
    if (!known) co_return known.error();
    infos = std::move(*known);
  }
  for (size_t i = 0; i < uids.size(); ++i) {
    if (infos[i].gone) continue;
    auto envelope = parse_envelope_args(infos[i].envelope);
    Candidate candidate;
    candidate.seq = view.seq_of(uids[i]);
    candidate.row = &view.row(candidate.seq);
    candidate.info = &infos[i];
    candidate.envelope = &envelope;
    auto result = ask(root, candidate);
    if (result == Verdict::open) {
      auto read = co_await read_and_ask(candidate);
      if (!read) co_return read.error();
      result = *read;
    }
    if (result == Verdict::yes) found.push_back(uids[i]);
    if (session.wants_breath()) co_await session.breathe();
  }
  co_return Result<void>();
}

Matcher::Matcher(std::unique_ptr<State> state) : state_(std::move(state)) {}
Matcher::~Matcher() = default;

Result<std::unique_ptr<Matcher>> Matcher::create(Session& session, Criterion criterion,
                                                 std::string_view charset) {
  auto state = std::make_unique<State>(session, std::move(criterion));
  auto prepared = state->prepare(state->root, charset);
  if (!prepared) return prepared.error();
  return std::unique_ptr<Matcher>(new Matcher(std::move(state)));
}

bool Matcher::asks_modseq() const {
  return state_->root.asks_modseq();
}

Task<Result<std::vector<Uid>>> Matcher::find() {
  auto& state = *state_;
  const auto& view = *state.session.selected->view;
  std::vector<Uid> found, open;
  for (size_t seq = 1; seq <= view.count(); ++seq) {
    Candidate candidate;
    candidate.row = &view.row(seq);
    candidate.seq = seq;
    auto result = state.ask(state.root, candidate);
    if (result == Verdict::open) {
      open.push_back(candidate.row->uid);
    } else if (result == Verdict::yes) {
      // Ascending order: what waits in front has to be settled first.
      if (!open.empty()) {
        auto looked = co_await state.look_closer(open, found);
        if (!looked) co_return looked.error();
      }
      found.push_back(view.row(seq).uid);
    }
    if (open.size() >= kMatchBatch) {
      auto looked = co_await state.look_closer(open, found);
      if (!looked) co_return looked.error();
    }
    if (seq % 1024 == 0 && state.session.wants_breath()) co_await state.session.breathe();
  }
  if (!open.empty()) {
    auto looked = co_await state.look_closer(open, found);
    if (!looked) co_return looked.error();
  }
  co_return found;
}

}  // namespace dovetail::mda::imap
