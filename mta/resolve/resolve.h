// Address rewriting to canonical form, and routing: which transport and next hop serves a
// recipient, and which class (mydestination, virtual alias, virtual mailbox, relay, default) its
// domain is of. Used in process by smtpd and cleanup, and by trivial-rewrite for everyone else.
//
// A table that fails is Fault::temporary, never another class: smtpd answers 451 4.3.0, qmgr
// defers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/log.h"
#include "common/base/result.h"
#include "common/net/task.h"

namespace dovetail::net {
class Loop;
}
namespace dovetail::conf {
class MainCf;
}

namespace dovetail::mta {

enum class AddressClass { local, alias, virtual_mailbox, relay, remote };
enum class RewriteContext { local, remote };

struct Resolution {
  std::string transport;  // "smtp", "local", "error"
  std::string nexthop;
  std::string recipient;  // internal form, canonical; what the delivery agent gets
  AddressClass address_class = AddressClass::remote;
  bool routed = false;       // user@a@b, user%a@b, a!user@b: more routing behind the last domain
  bool bad_address = false;  // not an address at all
  std::string domain;        // of the recipient, lower case; the class was decided by it
};

class Resolver {
 public:
  virtual ~Resolver() = default;
  // Opens the tables the parameters name; errors are the administrator's.
  static Result<std::unique_ptr<Resolver>> open(net::Loop& loop, const conf::MainCf& main_cf,
                                                const Logger& log);

  // Internal form in and out. "" stays "".
  virtual std::string rewrite(std::string_view address, RewriteContext context) const = 0;
  // recipient in internal form; verify: with the address_verify_* parameters.
  virtual Task<Result<Resolution>> resolve(std::string sender, std::string recipient,
                                           bool verify = false) = 0;
  // True if the domain (lower case, or "[ip]") is final here: mydestination, interfaces, proxies.
  virtual Task<Result<bool>> is_local_domain(std::string domain) = 0;
};

}  // namespace dovetail::mta
