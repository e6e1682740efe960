// What happens to addresses: rewriting to canonical form, canonical_maps, masquerading, virtual_alias_maps, bcc maps.
// Everything in internal form. A table that is down or a limit that is hit becomes a status bit of the message.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lookup/mail_addr_find.h"
#include "mta/cleanup/service.h"

namespace dovetail::mta {

class AddressMapper {
 public:
  // `what` was wrong: status bits and the text for the client ("4.6.0 Alias expansion error", or "").
  struct Trouble {
    unsigned status = 0;
    std::string reason;
  };
  AddressMapper(CleanupServiceImpl& service, const std::string& queue_id)
      : service_(service), queue_id_(queue_id) {}

  // canonical maps of the class and masquerading on an address already rewritten.
  Task<std::string> canonical(std::string address, AddressPlace place);
  // All final addresses of one recipient; itself if it is no alias. Empty after an error.
  Task<std::vector<std::string>> expand_virtual(std::string address);
  // The address a bcc map gives for a sender or recipient; "" if none.
  Task<std::string> bcc(const lookup::Maps& maps, std::string address);

  const Trouble& trouble() const { return trouble_; }

 private:
  struct Step {
    std::vector<std::string> addresses;
    bool found = false, failed = false;
  };
  Task<Step> look_up(const lookup::Maps& maps, std::string address, bool propagate);
  Task<std::string> map_one(const lookup::Maps& maps, std::string address);
  Task<std::string> masquerade(std::string address);
  void lookup_problem(const lookup::Maps& maps, const std::string& address);
  void unreasonable(std::string_view what, const std::string& address);
  // One address of the list until it is final; false after an error.
  Task<bool> expand_at(std::vector<std::string>& list, size_t at,
                       std::vector<std::string>& to_itself);

  CleanupServiceImpl& service_;
  const std::string& queue_id_;
  lookup::LookupCache cache_;
  Trouble trouble_;
};

}  // namespace dovetail::mta
