// SPDX-License-Identifier: Apache-2.0
#include "authd/passdb/fixed.h"

#include "common/base/text.h"

namespace dovetail::authd {

namespace {

class StaticPassdb : public Passdb {
 public:
  explicit StaticPassdb(std::string_view args) : fields_(parse_field_templates(args)) {
    for (const auto& field : fields_) {
      has_password_ |= field.name == "password" || field.name == "password_noscheme";
      any_password_ |= field.name == "nopassword";
    }
  }
  std::string_view driver() const override { return "static"; }

  net::Task<PassdbReply> lookup(const Request& request) override {
    PassdbReply reply;
    reply.result = PassdbResult::ok;
    for (const auto& field : fields_)
      reply.fields.push_back({field.name, expand_for(request, field.value)});
    // No password= means the empty password, as the incumbent has it; with nopassword any will do.
    if (!has_password_ && !any_password_) reply.fields.push_back({"password", "{PLAIN}"});
    co_return reply;
  }

 private:
  std::vector<FieldTemplate> fields_;
  bool has_password_ = false, any_password_ = false;
};

class StaticUserdb : public Userdb {
 public:
  StaticUserdb(std::vector<FieldTemplate> fields, bool allow_all_users)
      : fields_(std::move(fields)), allow_all_users_(allow_all_users) {}
  std::string_view driver() const override { return "static"; }
  bool wants_passdb_check() const override { return !allow_all_users_; }

  net::Task<UserdbReply> lookup(const Request& request) override {
    UserdbReply reply;
    reply.result = UserdbResult::ok;
    for (const auto& field : fields_)
      reply.fields.push_back({field.name, expand_for(request, field.value)});
    co_return reply;
  }

 private:
  std::vector<FieldTemplate> fields_;
  bool allow_all_users_;
};

class PrefetchUserdb : public Userdb {
 public:
  explicit PrefetchUserdb(bool only_userdb) : only_userdb_(only_userdb) {}
  std::string_view driver() const override { return "prefetch"; }

  net::Task<UserdbReply> lookup(const Request& request) override {
    UserdbReply reply;
    reply.result = request.userdb_prefetched ? UserdbResult::ok : UserdbResult::unknown;
    if (!request.userdb_prefetched && only_userdb_) {
      reply.log = "passdb didn't return userdb entries";
      reply.log_is_error = true;
    }
    co_return reply;
  }

 private:
  bool only_userdb_;
};

}  // namespace

std::unique_ptr<Passdb> make_static_passdb(std::string_view args) {
  return std::make_unique<StaticPassdb>(args);
}

Result<std::unique_ptr<Userdb>> make_static_userdb(std::string_view args) {
  auto fields = parse_field_templates(args);
  bool allow_all_users = false;
  std::vector<FieldTemplate> kept;
  for (auto& field : fields) {
    if (field.name == "allow_all_users") {
      allow_all_users = field.value == "yes";
    } else {
      kept.push_back(std::move(field));
    }
  }
  Request probe;  // a name the system does not know is an error of the configuration, told at start
  for (const auto& field : kept) {
    if ((field.name != "uid" && field.name != "gid") || field.value.find('%') != std::string::npos)
      continue;
    auto set = set_userdb_field(probe, field.name, field.value);
    if (!set) return config_error(format("static userdb: {}", set.error().text));
  }
  return std::unique_ptr<Userdb>(std::make_unique<StaticUserdb>(std::move(kept), allow_all_users));
}

std::unique_ptr<Userdb> make_prefetch_userdb(bool only_userdb) {
  return std::make_unique<PrefetchUserdb>(only_userdb);
}

}  // namespace dovetail::authd
