// local(8): delivers to users of this machine. Aliases, :include: lists and .forward files are expanded here, in the front;
// mail for other addresses goes back into the queue, one message per sender; mailboxes, files and commands are reached
// by a child with the recipient's rights (rights.h). Order of the steps for one recipient: aliases, existence of
// the user, mailbox_transport, .forward, mailbox.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lookup/maps.h"
#include "mta/local/address_list.h"
#include "mta/local/parameters.h"
#include "mta/local/workshop.h"
#include "mta/resolve/rewrite_client.h"

namespace dovetail::mta {

// A user of the system, or the one whose rights an alias gives.
struct SystemUser {
  std::string name, home, shell;
  uid_t uid = 0;
  gid_t gid = 0;
};
// Blocking. nullopt: no such user; an Error: cannot tell.
Result<std::optional<SystemUser>> find_system_user(const std::string& name);

class LocalRole : public WorkshopRole {
 public:
  Result<void> prepare_agent(service::Context& context) override;
  Task<> deliver(service::Context& context, Delivery& delivery) override;

 private:
  // One recipient of the request, over all that it expands to.
  struct Work {
    Delivery& delivery;
    size_t index;
    std::string delivered;  // for Delivered-To: the recipient as it came
    std::map<std::string, std::vector<mail::Recipient>> forwards{};  // by envelope sender
    std::set<std::string> seen{};                                    // every destination once
    // What another agent shall do (mailbox_transport): last, since that agent ends the recipient's record.
    std::vector<std::pair<mail::Recipient, std::string>> passes{};
    Status worst = Status::sent;
    bool ended = false;   // something was recorded
    bool marked = false;  // another agent has ended the recipient
  };
  // Where an expansion stands.
  struct Place {
    mail::Recipient rcpt;
    std::string sender;
    enum From { request, alias, forward, include } from = request;
    std::string expanding;             // the alias or user whose list this is
    std::optional<SystemUser> rights;  // of commands and files
    std::string extension;             // not matched by the alias, to be propagated
    int level = 0;
    bool in_list = false;  // an owner- alias took over the sender
  };
  struct Name {
    std::string local, user, extension, domain;  // lower case; extension without the delimiter
  };
  struct AliasFound {
    std::string value;
    uid_t owner = 0;
  };

  // expand.cc
  Task<> deliver_recipient(Delivery& delivery, size_t index,
                           const std::set<std::string>& delivered_before);
  Task<> expand(Work& work, Place place);
  Task<> take(Work& work, Place place, Destination destination);
  Task<> take_address(Work& work, Place place, std::string address);
  Task<bool> try_alias(Work& work, const Place& place, const Name& name, std::string key);
  Task<Result<std::optional<AliasFound>>> find_alias(std::string key);
  Task<Result<void>> take_over_sender(Place& place, const std::string& alias);
  Task<> take_include(Work& work, Place place, std::string path);
  Task<> end(Work& work, const Place& place, Outcome outcome);
  Task<> end(Work& work, const Place& place, std::string status, std::string text);
  Name split(const std::string& address) const;

  // forward.cc
  void add_forward(Work& work, const Place& place, std::string address);
  Task<> send_forwards(Work& work);
  Task<Result<std::string>> forward(Work& work, std::string sender,
                                    std::vector<mail::Recipient> recipients);
  Task<> send_passes(Work& work);
  Task<> pass(Work& work, mail::Recipient rcpt, std::string transport);

  // user.cc
  Task<> deliver_user(Work& work, Place place, Name name, bool mailbox_only);
  Task<> deliver_unknown(Work& work, Place place, Name name);
  Task<bool> try_forward_file(Work& work, const Place& place, const Name& name,
                              const SystemUser& user);
  Task<> deliver_mailbox(Work& work, const Place& place, const Name& name, const SystemUser& user);
  Task<Result<std::string>> transport_for(const lookup::Maps& maps, const std::string& fallback,
                                          const Name& name);
  std::string expand_text(const std::string& text, const Place& place, const Name& name,
                          const SystemUser* user, const std::string& filter) const;

  // destinations.cc
  Task<> deliver_command(Work& work, const Place& place, const SystemUser& user,
                         std::string command);
  Task<> deliver_file(Work& work, const Place& place, const SystemUser& user, std::string path);
  Task<> deliver_to_path(Work& work, const Place& place, const SystemUser& user, std::string path,
                         bool in_spool, std::string said);
  std::unique_ptr<FormedMessage> message_for(Work& work, const Place& place, MailHeaders headers,
                                             bool mbox) const;
  std::vector<std::string> environment(const Work& work, const Place& place,
                                       const SystemUser& user) const;

  service::Context* context_ = nullptr;
  LocalParameters parameters_;
  SystemUser default_user_;
  lookup::Maps aliases_, mailbox_transports_, fallback_transports_, mailbox_commands_;
  std::unique_ptr<RewriteClient> rewrite_;
};

}  // namespace dovetail::mta
