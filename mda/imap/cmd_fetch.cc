// FETCH and UID FETCH (RFC 3501 6.4.5; CHANGEDSINCE RFC 7162 3.1.4). Messages are taken in batches: first all flags to be
// set \Seen, then what the index knows, then each message that has to be opened, sent in pieces with back-pressure.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "mda/imap/commands.h"
#include "mda/imap/fetch_items.h"
#include "mda/imap/message_set.h"
#include "mda/imap/text_form.h"
#include "mda/message/envelope.h"
#include "mda/message/search.h"
#include "mda/storage/mutf7.h"

namespace dovetail::mda::imap {

namespace {

constexpr size_t kFetchBatch = 64;
constexpr size_t kFetchPiece = 65536;

struct FetchJob {
  FetchItems items;
  unsigned wants = 0;
  bool by_uid = false;
  std::vector<Uid> seen_now;  // of this batch: \Seen was set by this command, FLAGS must be told
};

unsigned fetch_wants(const FetchItems& items) {
  unsigned wants = 0;
  if (items.has(FetchItem::Kind::size)) wants |= kWantSize;
  if (items.has(FetchItem::Kind::internal_date) || items.has(FetchItem::Kind::save_date))
    wants |= kWantDate;
  if (items.has(FetchItem::Kind::envelope)) wants |= kWantEnvelope;
  if (items.has(FetchItem::Kind::body) || items.has(FetchItem::Kind::body_structure))
    wants |= kWantStructure;
  if (items.has(FetchItem::Kind::guid)) wants |= kWantGuid;
  return wants;
}

bool fetch_opens(const FetchItems& items) {
  return std::any_of(items.items.begin(), items.items.end(), [](const FetchItem& item) {
    return item.kind == FetchItem::Kind::section || item.kind == FetchItem::Kind::preview;
  });
}

void append_row_item(Session& s, const FetchItem& item, const Row& row, const MessageInfo& info,
                     std::string& out) {
  auto flags = s.selected->flags_of(row);
  auto into = std::back_inserter(out);
  switch (item.kind) {
    case FetchItem::Kind::flags:
      out += "FLAGS (";
      s.append_flags(out, row, flags);
      out += ')';
      break;
    case FetchItem::Kind::uid:
      fmt::format_to(into, "UID {}", row.uid);
      break;
    case FetchItem::Kind::real_uid:
      fmt::format_to(into, "X-REAL-UID {}", row.uid);
      break;
    // A modseq not yet told (0, after a change of our own) is in the view to come.
    case FetchItem::Kind::modseq:
      fmt::format_to(into, "MODSEQ ({})", flags.modseq ? flags.modseq : row.modseq);
      break;
    case FetchItem::Kind::internal_date:
      append_internal_date(out += "INTERNALDATE ", info.internal_date);
      break;
    case FetchItem::Kind::save_date:
      append_internal_date(out += "SAVEDATE ", info.save_date);
      break;
    case FetchItem::Kind::size:
      fmt::format_to(into, "RFC822.SIZE {}", info.virtual_size);
      break;
    case FetchItem::Kind::guid:
      append_astring(out += "X-GUID ", info.guid);
      break;
    case FetchItem::Kind::mailbox: {
      const auto& name = s.selected->box->name();
      append_astring(out += "X-MAILBOX ", utf8_to_mutf7(name).value_or(name));
      break;
    }
    case FetchItem::Kind::envelope:
      out += "ENVELOPE (" + info.envelope + ")";
      break;
    case FetchItem::Kind::body:
      out += "BODY (" + info.body + ")";
      break;
    case FetchItem::Kind::body_structure:
      out += "BODYSTRUCTURE (" + info.body_structure + ")";
      break;
    case FetchItem::Kind::preview:
    case FetchItem::Kind::section:
      break;
  }
}

void count_fetched(Session& s, const FetchItem& item, uint64_t size) {
  using What = mda::Section::What;
  auto what = item.section.what;
  bool header = what == What::header || what == What::header_fields ||
                what == What::header_fields_not || what == What::mime;
  ++(header ? s.counts.hdr_count : s.counts.body_count);
  (header ? s.counts.hdr_bytes : s.counts.body_bytes) += size;
}

Task<Result<void>> send_section(Session& s, const FetchItem& item, OpenMessage& message) {
  auto data = co_await message.section(item.section);
  if (!data) co_return data.error();
  auto offset = item.partial ? std::min(item.offset, data->size) : 0;
  auto left = item.partial ? std::min(item.count, data->size - offset) : data->size;
  s.print("{} {{{}}}\r\n", item.label, left);
  count_fetched(s, item, left);
  while (left > 0) {
    auto piece = co_await message.read(*data, offset,
                                       static_cast<size_t>(std::min<uint64_t>(left, kFetchPiece)));
    if (!piece) co_return piece.error();
    // Shorter than announced: the file was changed under us, and the client counts octets.
    if (piece->empty()) co_return temporary("message is shorter than its structure says");
    s.put(*piece);
    offset += piece->size();
    left -= std::min<uint64_t>(left, piece->size());
    if (s.wants_breath()) co_await s.breathe();
  }
  co_return Result<void>();
}

Task<Result<std::string>> preview_of(Session& s, OpenMessage& message) {
  auto structure = co_await message.structure();
  if (!structure) co_return structure.error();
  auto job = [fd = message.fd(), tree = *structure] { return preview_text(fd, *tree); };
  co_return co_await s.pool.run(job);
}

// The items that need the file, each after a blank unless it is the first.
Task<Result<void>> send_opened(Session& s, const FetchJob& job, OpenMessage& message, bool first) {
  for (const auto& item : job.items.items) {
    if (item.kind != FetchItem::Kind::section && item.kind != FetchItem::Kind::preview) continue;
    if (!first) s.put(" ");
    first = false;
    if (item.kind == FetchItem::Kind::section) {
      auto sent = co_await send_section(s, item, message);
      if (!sent) co_return sent.error();
    } else {
      auto text = co_await preview_of(s, message);
      if (!text) co_return text.error();
      std::string out = "PREVIEW ";
      append_string(out, *text);
      s.put(out);
    }
  }
  co_return Result<void>();
}

// A message that has vanished is left out; the EXPUNGE comes with a later sync.
Task<Result<void>> send_message(Session& s, const FetchJob& job, size_t seq,
                                const MessageInfo& info) {
  const auto& row = s.selected->view->row(seq);
  auto& told = s.selected->told;
  std::unique_ptr<OpenMessage> message;
  if (fetch_opens(job.items)) {
    auto opened = co_await s.selected->box->open_message(row.uid);
    if (!opened) co_return opened.error();
    if (!*opened) co_return Result<void>();
    message = std::move(*opened);
  }
  std::string out = format("* {} FETCH (", seq);
  bool first = true;
  bool seen_now = std::binary_search(job.seen_now.begin(), job.seen_now.end(), row.uid);
  if (seen_now && !job.items.has(FetchItem::Kind::flags)) {
    append_row_item(s, {FetchItem::Kind::flags}, row, info, out);
    first = false;
  }
  for (const auto& item : job.items.items) {
    if (item.kind == FetchItem::Kind::section || item.kind == FetchItem::Kind::preview) continue;
    if (!first) out += ' ';
    first = false;
    append_row_item(s, item, row, info, out);
  }
  s.put(out);
  if (job.items.has(FetchItem::Kind::modseq) && told.contains(row.uid))
    told[row.uid].modseq = s.selected->flags_of(row).modseq;
  if (message) {
    auto sent = co_await send_opened(s, job, *message, first);
    if (!sent) co_return sent.error();
  }
  s.put(")\r\n");
  co_return Result<void>();
}

// BODY[] and RFC822 set \Seen (RFC 3501 6.4.5), once for the whole batch.
Task<Result<void>> set_seen(Session& s, FetchJob& job, const std::vector<Uid>& uids) {
  job.seen_now.clear();
  if (!job.items.sets_seen() || s.selected->read_only) co_return Result<void>();
  for (auto uid : uids) {
    const auto& row = s.selected->view->row(s.selected->view->seq_of(uid));
    if (!(s.selected->flags_of(row).flags & kSeen)) job.seen_now.push_back(uid);
  }
  if (job.seen_now.empty()) co_return Result<void>();
  FlagUpdate update;
  update.flags = kSeen;
  auto done = co_await s.selected->box->set_flags(job.seen_now, std::move(update));
  if (!done) co_return done.error();
  s.tell_keywords(*done->view);
  for (auto uid : job.seen_now) {
    auto seq = done->view->seq_of(uid);
    if (seq == 0) continue;
    const auto& row = done->view->row(seq);
    s.selected->told[uid] = {row.flags, row.keywords,
                             job.items.has(FetchItem::Kind::modseq) ? row.modseq : 0};
  }
  co_return Result<void>();
}

Task<Result<void>> send_batch(Session& s, FetchJob& job, std::vector<Uid> uids) {
  auto seen = co_await set_seen(s, job, uids);
  if (!seen) co_return seen.error();
  std::vector<MessageInfo> infos(uids.size());
  if (job.wants) {
    auto known = co_await s.selected->box->info(uids, job.wants);
    if (!known) co_return known.error();
    infos = std::move(*known);
  }
  for (size_t i = 0; i < uids.size(); ++i) {
    if (infos[i].gone) continue;
    auto sent = co_await send_message(s, job, s.selected->view->seq_of(uids[i]), infos[i]);
    if (!sent) co_return sent.error();
    if (s.wants_breath()) co_await s.breathe();
  }
  co_return Result<void>();
}

Result<std::optional<Modseq>> parse_changed_since(ArgReader& args) {
  std::optional<Modseq> since;
  auto list = args.list();
  if (!list) return since;
  ArgReader inner(*list);
  while (!inner.at_end()) {
    if (!inner.accept("CHANGEDSINCE")) return permanent("Unknown FETCH modifier");
    since = inner.number();
    if (!since) return permanent("Invalid CHANGEDSINCE modseq.");
  }
  return since;
}

}  // namespace

Task<Reply> cmd_fetch(Session& s, Command& c) {
  FetchJob job;
  job.by_uid = is_uid_command(c);
  ArgReader args(c.args());
  auto uids = take_message_set(s, args, job.by_uid);
  if (!uids) co_return reply_wrong(uids.error().text);
  auto items = parse_fetch_items(args);
  if (!items) co_return reply_wrong(items.error().text);
  auto since = parse_changed_since(args);
  if (!since) co_return reply_wrong(since.error().text);
  job.items = std::move(*items);
  if (job.by_uid) job.items.add_first(FetchItem::Kind::uid);
  if (*since) {
    job.items.add({FetchItem::Kind::modseq});
    const auto& view = *s.selected->view;
    std::erase_if(*uids, [&](Uid uid) { return view.row(view.seq_of(uid)).modseq <= **since; });
  }
  if (job.items.has(FetchItem::Kind::modseq)) s.enable_condstore();
  job.wants = fetch_wants(job.items);
  for (size_t at = 0; at < uids->size(); at += kFetchBatch) {
    std::vector<Uid> batch(uids->begin() + at,
                           uids->begin() + std::min(at + kFetchBatch, uids->size()));
    auto sent = co_await send_batch(s, job, std::move(batch));
    if (sent) continue;
    // Part of a response may be out already; the client could not make sense of what follows (imap_fetch_failure).
    s.log.error("FETCH in {}: {}", s.selected->box->name(), sent.error().text);
    s.disconnect("FETCH failed", "FETCH failed");
    co_return reply_no("[SERVERBUG] FETCH failed");
  }
  co_return reply_ok("Fetch completed");
}

}  // namespace dovetail::mda::imap
