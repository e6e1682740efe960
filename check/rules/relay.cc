// Who may send mail to the world through this host: each smtpd of master.cf is asked, restriction by restriction, what it says
// to a stranger without a password. What only a running policy server or an unread table could say counts as silence.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "check/rules.h"
#include "check/tables.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/net/address.h"
#include "conf/postfix/own_addresses.h"

namespace dovetail::check {

namespace {

constexpr std::string_view kDocumentation4 = "198.51.100.1", kDocumentation6 = "2001:db8::1";

// RFC 1918, 6598, 4193 and the like: who has such an address is no stranger of the Internet.
constexpr std::string_view private_networks[] = {
    "10.0.0.0/8",    "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "100.64.0.0/10", "fc00::/7",    "fe80::/10",     "::1/128"};
// A block of at least this size is the world, not a site.
constexpr unsigned kWorld4 = 8, kWorld6 = 16;

bool is_world(const net::Network& network) {
  const bool four = network.bytes.size() == 4;
  if (network.bits > (four ? kWorld4 : kWorld6)) return false;
  for (auto text : private_networks) {
    auto known = *net::Network::parse(text);
    if (known.bytes.size() != network.bytes.size() || known.bits > network.bits) continue;
    auto prefix = known.bytes.substr(0, known.bits / 8);
    if (network.bytes.starts_with(prefix)) return false;
  }
  return true;
}

std::string stranger_in(const net::Network& network, const std::string& text) {
  for (auto address : {kDocumentation4, kDocumentation6}) {
    if (network.contains(*net::SockAddr::ip(address, 0))) return std::string(address);
  }
  return std::string(base::cut(text, '/').first);
}

void network_words(std::string_view value, std::vector<std::string>& out) {
  for (auto& word : list_words(value)) {
    if (word.starts_with('!')) continue;
    if (word.starts_with("cidr:") || word.starts_with('/')) {
      auto text = base::read_file(word.starts_with('/') ? word : word.substr(5), 1 << 20);
      if (!text) continue;
      for (auto line : base::split(*text, '\n')) {
        auto words = base::words(line);
        if (!words.empty() && words[0][0] != '#') out.emplace_back(words[0]);
      }
      continue;
    }
    out.push_back(word);
  }
}

// The address of a stranger that mynetworks takes for a friend.
std::optional<std::string> stranger_in_mynetworks(const conf::MainCf& cf) {
  std::vector<std::string> words;
  network_words(Site::get(cf, "mynetworks"), words);
  for (auto word : words) {
    word = base::replace_all(base::replace_all(word, "[", ""), "]", "");
    if (word == "static:all" || word == "static:OK") return std::string(kDocumentation4);
    auto network = net::Network::parse(word);
    if (network && is_world(*network)) return stranger_in(*network, word);
  }
  return std::nullopt;
}

enum class Says { nothing, permits, refuses };
struct Answer {
  Says says = Says::nothing;
  std::string proof;  // who is permitted
};

constexpr std::string_view refusing[] = {"reject", "defer", "reject_unauth_destination",
                                         "defer_unauth_destination", "check_relay_domains"};
// Postfix itself asks for one of these.
constexpr std::string_view working[] = {"reject",
                                        "defer",
                                        "reject_unauth_destination",
                                        "defer_unauth_destination",
                                        "defer_if_permit",
                                        "check_relay_domains"};
// What a sender writes himself proves nothing about him.
constexpr std::string_view forgeable[] = {"check_sender_access", "check_helo_access"};

bool is_permit(std::string_view action) {
  auto word = base::words(action).empty() ? action : base::words(action)[0];
  bool number = !word.empty() && std::all_of(word.begin(), word.end(), base::is_digit);
  return base::iequals(word, "OK") || base::iequals(word, "permit") ||
         (number && !word.starts_with('4') && !word.starts_with('5'));
}

class Stranger {
 public:
  Stranger(Site& site, const conf::MainCf& cf) : site_(site), cf_(cf) {}

  Answer ask(std::string_view parameter, int depth = 0) {
    auto words = list_words(Site::get(cf_, parameter));
    for (size_t i = 0; i < words.size(); ++i) {
      auto word = base::lower(words[i]);
      if (has(refusing, word)) return {Says::refuses, {}};
      auto next = i + 1 < words.size() ? std::string_view(words[i + 1]) : std::string_view();
      auto answer = ask_word(word, next, depth);
      if (answer.says != Says::nothing) return answer;
    }
    return {};
  }

  // Whether a list has, somewhere, what Postfix wants to see in it.
  bool has_working_instance(std::string_view parameter) {
    for (auto& word : list_words(Site::get(cf_, parameter))) {
      if (has(working, word) || is_class(word)) return true;
    }
    return false;
  }

 private:
  template <class List>
  static bool has(const List& list, std::string_view word) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
  }

  bool is_class(const std::string& word) const {
    auto classes = list_words(Site::get(cf_, "smtpd_restriction_classes"));
    return std::find(classes.begin(), classes.end(), word) != classes.end();
  }

  Answer ask_word(const std::string& word, std::string_view next, int depth) {
    if (word == "permit")
      return {Says::permits, format("any address, such as {}", kDocumentation4)};
    if (word == "permit_mynetworks") {
      auto address = stranger_in_mynetworks(cf_);
      if (address) return {Says::permits, format("a client at {} (permit_mynetworks)", *address)};
    }
    if (word.starts_with("check_") && word.ends_with("_access")) return ask_access(word, next);
    if (depth < 10 && is_class(word)) return ask(word, depth + 1);
    return {};
  }

  Answer ask_access(const std::string& word, std::string_view next) {
    auto tables = Tables::named_in(next);
    if (tables.empty() || word == "check_recipient_access") return {};
    auto& table = tables[0];
    if (table.type == "static" && is_permit(table.name))
      return {Says::permits,
              format("any address, such as {} ({} {})", kDocumentation4, word, next)};
    if (!has(forgeable, word)) return {};
    for (auto& row : site_.tables().list(table).rows) {
      if (!is_permit(row.value)) continue;
      auto what = word == "check_sender_access" ? "MAIL FROM" : "HELO";
      return {Says::permits, format("a client at {} that says {} {} ({}:{})", kDocumentation4, what,
                                    row.key, row.place.file, row.place.line)};
    }
    return {};
  }

  Site& site_;
  const conf::MainCf& cf_;
};

// Every list that can refuse the recipient; each is asked, and one refusal is enough.
constexpr std::string_view all_lists[] = {
    "smtpd_client_restrictions", "smtpd_helo_restrictions",      "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",  "smtpd_recipient_restrictions", "smtpd_data_restrictions"};

bool is_only_for_this_host(const conf::MasterService& service, const conf::MainCf& cf) {
  auto [host, port] = base::cut_last(service.name, ':');
  if (port) return host == "127.0.0.1" || host == "localhost" || host == "[::1]" || host == "::1";
  auto interfaces = Site::get(cf, "inet_interfaces");
  return interfaces == "loopback-only" || interfaces == "localhost" || interfaces == "127.0.0.1";
}

void judge_service(Site& site, Report& report, const ServiceView& view) {
  Stranger stranger(site, view.cf);
  if (!stranger.has_working_instance("smtpd_relay_restrictions") &&
      !stranger.has_working_instance("smtpd_recipient_restrictions")) {
    report.add({site.at(*view.service, "smtpd_relay_restrictions"), Severity::error,
                format("neither smtpd_relay_restrictions nor smtpd_recipient_restrictions of {} "
                       "refuses relaying",
                       view.service->name),
                "smtpd ends with a fatal error at each connection: no mail comes in",
                "end one of them with reject_unauth_destination"});
    return;
  }
  std::string proof;
  std::string_view permitted_by = "smtpd_relay_restrictions";
  for (auto list : all_lists) {
    auto answer = stranger.ask(list);
    if (answer.says == Says::refuses) return;
    if (answer.says == Says::permits && (proof.empty() || list == "smtpd_relay_restrictions")) {
      proof = answer.proof;
      permitted_by = list;
    }
  }
  if (proof.empty()) proof = format("a client at {}", kDocumentation4);
  report.add({site.at(*view.service, permitted_by), Severity::error,
              format("open relay: {} lets {} send to anyone", view.service->name, proof),
              "spammers find it within hours, and other sites refuse this host's mail",
              "put reject_unauth_destination in front of what permits, or take strangers out of "
              "mynetworks"});
}

void judge_neighbours(Site& site, Report& report) {
  if (site.main_cf().is_set("mynetworks")) return;
  auto style = site.get("mynetworks_style");
  if (style == "host") return;
  std::vector<std::string> neighbours;
  auto value = site.get("mynetworks");
  for (auto& word : list_words(value)) {
    auto text = base::replace_all(base::replace_all(word, "[", ""), "]", "");
    auto network = net::Network::parse(text);
    if (!network || network->bits == network->bytes.size() * 8) continue;
    if (text.starts_with("127.") || text.starts_with("::1")) continue;
    neighbours.push_back(word);
  }
  if (neighbours.empty()) return;
  bool by_level = !site.main_cf().is_set("mynetworks_style");
  report.add({by_level ? site.at("compatibility_level") : site.at("mynetworks_style"),
              Severity::warning,
              format("mynetworks is not set and mynetworks_style is {}{}", style,
                     by_level ? ", the default of a low compatibility_level" : ""),
              format("each host of {} may send to anyone through this one without a password",
                     some_of(neighbours)),
              "set mynetworks to the hosts you trust, or mynetworks_style = host"});
}

}  // namespace

void rule_relay(Site& site, Report& report) {
  for (auto& view : site.services_running("smtpd")) {
    if (view.service->type == "unix" || view.service->type == "fifo") continue;
    if (!is_only_for_this_host(*view.service, view.cf)) judge_service(site, report, view);
  }
  judge_neighbours(site, report);
}

void rule_unlisted_recipients(Site& site, Report& report) {
  for (auto& view : site.services_running("smtpd")) {
    auto refuse = view.cf.value("smtpd_reject_unlisted_recipient");
    bool here =
        std::any_of(view.service->overrides.begin(), view.service->overrides.end(),
                    [](auto& one) { return one.name == "smtpd_reject_unlisted_recipient"; });
    if (!here || !refuse || *refuse != "no") continue;
    // Behind a content filter the recipients have been judged before.
    if (is_only_for_this_host(*view.service, view.cf)) continue;
    report.add(
        {site.at(*view.service, "smtpd_reject_unlisted_recipient"), Severity::note,
         format("{} takes mail for users of this host that do not exist", view.service->name),
         "a mistyped address is accepted and comes back as a bounce, instead of an error in the "
         "mail program",
         "take smtpd_reject_unlisted_recipient=no out"});
  }
}

}  // namespace dovetail::check
