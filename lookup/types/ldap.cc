// ldap:FILE, tables in a directory. The client library blocks: it works on a pool of the table's own, one connection for
// each thread. Manual: ldap_table(5).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "common/net/pool.h"
#include "lookup/ldap/directory.h"
#include "lookup/remote/outage.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

constexpr base::Milliseconds kLdapSharedFailure{100};

class LdapTable final : public Table {
 public:
  LdapTable(net::Loop& loop, std::string table, LdapSettings settings, const OpenOptions& options)
      : Table(std::move(table), Keys::fixed),
        settings_(std::make_shared<const LdapSettings>(std::move(settings))),
        log_(options.log),
        outage_(options.log, options.command),
        refusals_(options.log, options.command),
        probe_(loop),
        pool_(loop, std::max(1u, options.connections)) {}

  Task<Result<Found>> lookup(std::string_view key) override {
    auto& query = settings_->query;
    auto wanted = co_await query.wants(key);
    if (!wanted) co_return wanted.error();
    if (!*wanted) co_return Found();
    Quote dn = quote_for_dn, filter = quote_for_filter;
    auto base_dn = settings_->search_base.expand(key, nullptr, dn);
    auto search = query.query.expand(key, nullptr, filter);
    if (!base_dn || !search) co_return Found();
    std::optional<net::AsyncMutex::Guard> turn;
    if (outage_.ongoing()) {
      auto locked = co_await probe_.lock();
      if (outage_.ongoing()) turn.emplace(std::move(locked));
      bool shared =
          outage_.ongoing() && base::monotonic_now() - outage_.last_failure() < kLdapSharedFailure;
      if (shared) co_return unanswered();
    }
    auto directory = take();
    auto job = [directory, &base_dn, &search] { return directory->search(*base_dn, *search); };
    auto answer = co_await pool_.run(job);
    if (!answer.away) {
      idle_.push_back(std::move(directory));
      outage_.answered(name());
    }
    co_return judge(answer, key);
  }

 private:
  // There are never more than the pool has threads, and questions that wait for one.
  std::shared_ptr<LdapDirectory> take() {
    if (idle_.empty()) return std::make_shared<LdapDirectory>(settings_);
    auto directory = std::move(idle_.back());
    idle_.pop_back();
    return directory;
  }

  Error unanswered() {
    outage_.unanswered();
    return temporary("Transport endpoint is not connected");
  }

  Result<Found> judge(const LdapAnswer& answer, std::string_view key) {
    for (auto& warning : answer.warnings) log_.warning("{}", warning);
    if (answer.away) {
      outage_.failed(answer.failure);
      return unanswered();
    }
    if (!answer.failure.empty()) {
      refusals_.failed(answer.failure);
      return temporary("Application error");
    }
    refusals_.forget();
    SqlResult result(settings_->query, name(), key, log_);
    for (auto& value : answer.values) {
      if (result.add(value.text)) continue;
      log_.warning("dict_ldap_get_values[{}]: {}: Expansion limit exceeded for key: '{}'",
                   value.depth, settings_->name, base::printable(key, true));
      return temporary("Application error");
    }
    return std::move(result).found();
  }

  std::shared_ptr<const LdapSettings> settings_;
  Logger log_;
  Outage outage_;    // the server is away
  Outage refusals_;  // it is there, and refuses
  net::AsyncMutex probe_;
  std::vector<std::shared_ptr<LdapDirectory>> idle_;
  net::Pool pool_;
};

}  // namespace

Opened open_ldap(const OpenContext& context, std::string_view type, const std::string& name) {
  auto cf = open_table_cf(context, type, name);
  if (!cf) return cf.error();
  auto settings = LdapSettings::read(context, *cf);
  if (!settings) return settings.error();
  return std::unique_ptr<Table>(std::make_unique<LdapTable>(
      context.loop, format("{}:{}", type, name), std::move(*settings), context.options));
}

}  // namespace dovetail::lookup
