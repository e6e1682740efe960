// SPDX-License-Identifier: Apache-2.0
#include "authd/passdb/passwd_file.h"

#include <cerrno>

#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

bool is_zero_id(std::string_view id) {
  return base::parse_number<unsigned long>(id) == 0UL;
}

// What is wrong with the ids; "" if nothing. Nobody reads mail as root.
std::string check_ids(const PasswdEntry& entry) {
  if (is_zero_id(entry.uid)) return "has invalid UID '0'";
  if (!entry.gid.empty() && is_zero_id(entry.gid)) return "has invalid GID '0'";
  return {};
}

struct PasswdFileLookup {
  bool failed = false, found = false;
  PasswdEntry entry;
  std::string log;
};

PasswdFileLookup look_into_file(PasswdFiles& files, const PasswdFileArgs& args,
                                const Request& request) {
  PasswdFileLookup out;
  const std::string path = expand_for(request, args.path);
  auto file = files.get(path);
  if (!file) {
    out.failed = true;
    out.log = file.error().text;
    return out;
  }
  // A file per domain that is not there means nobody of that domain is.
  if (!*file) {
    out.failed = args.path.find('%') == std::string::npos;
    out.log = format("stat({}) failed: No such file or directory", path);
    return out;
  }
  const auto found = (*file)->users.find(expand_for(request, args.username_format));
  if (found == (*file)->users.end()) {
    out.log = "unknown user";
    return out;
  }
  out.found = true;
  out.entry = found->second;
  return out;
}

FieldTemplate extra_field(const Request& request, const std::string& word) {
  auto [name, value] = base::cut(word, '=');
  return {std::string(name), expand_for(request, value.value_or(""))};
}

class PasswdFilePassdb : public Passdb {
 public:
  PasswdFilePassdb(std::shared_ptr<PasswdFiles> files, PasswdFileArgs args)
      : files_(std::move(files)), args_(std::move(args)) {}
  std::string_view driver() const override { return "passwd-file"; }
  std::string default_scheme() const override { return args_.scheme; }

  net::Task<PassdbReply> lookup(const Request& request) override {
    auto found = look_into_file(*files_, args_, request);
    PassdbReply reply;
    reply.log = found.log;
    reply.log_is_error = found.failed;
    reply.result = found.failed ? PassdbResult::internal_failure : PassdbResult::unknown;
    if (!found.found) co_return reply;
    reply.result = PassdbResult::ok;
    bool any_password = false;
    for (const auto& word : found.entry.extra) {
      reply.fields.push_back(extra_field(request, word));
      any_password |= reply.fields.back().name == "nopassword";
    }
    const bool empty = found.entry.password.empty();
    if (any_password && !empty) {
      reply = {PassdbResult::mismatch, {}, "nopassword set but password is non-empty", true};
    } else if (!any_password && empty) {
      reply = {PassdbResult::mismatch, {}, "no password", false};
    } else if (!empty) {
      reply.fields.push_back({"password", std::string(found.entry.password.reveal())});
    }
    co_return reply;
  }

 private:
  std::shared_ptr<PasswdFiles> files_;
  PasswdFileArgs args_;
};

class PasswdFileUserdb : public Userdb {
 public:
  PasswdFileUserdb(std::shared_ptr<PasswdFiles> files, PasswdFileArgs args)
      : files_(std::move(files)), args_(std::move(args)) {}
  std::string_view driver() const override { return "passwd-file"; }
  bool can_list() const override { return args_.path.find('%') == std::string::npos; }

  net::Task<UserdbReply> lookup(const Request& request) override {
    auto found = look_into_file(*files_, args_, request);
    UserdbReply reply;
    reply.log = found.log;
    reply.log_is_error = found.failed;
    reply.result = found.failed ? UserdbResult::internal_failure : UserdbResult::unknown;
    if (!found.found) co_return reply;
    reply.result = UserdbResult::ok;
    if (!found.entry.uid.empty()) reply.fields.push_back({"uid", found.entry.uid});
    if (!found.entry.gid.empty()) reply.fields.push_back({"gid", found.entry.gid});
    if (!found.entry.home.empty())
      reply.fields.push_back({"home", expand_for(request, found.entry.home)});
    for (const auto& word : found.entry.extra) {
      if (!word.starts_with("userdb_")) continue;
      reply.fields.push_back(extra_field(request, word.substr(7)));
    }
    co_return reply;
  }

  net::Task<Result<std::vector<std::string>>> list() override {
    auto file = files_->get(args_.path);
    if (!file) co_return file.error();
    if (!*file)
      co_return temporary(
          format("passwd-file: stat({}) failed: No such file or directory", args_.path));
    co_return (*file)->order;
  }

 private:
  std::shared_ptr<PasswdFiles> files_;
  PasswdFileArgs args_;
};

}  // namespace

PasswdFile parse_passwd_file(std::string_view text, std::string_view path,
                             std::vector<std::string>& errors) {
  PasswdFile file;
  for (auto line : base::split(text, '\n')) {
    if (line.empty() || line[0] == '#' || line[0] == ':' || line[0] == '\r') continue;
    const auto parts = base::split(base::trim_right(line, "\r"), ':');
    auto part = [&parts](size_t i) {
      return i < parts.size() ? std::string(parts[i]) : std::string();
    };
    PasswdEntry entry;
    entry.password = Secret(parts.size() > 1 ? parts[1] : std::string_view());
    // Seven and more fields are passwd(5) with extra fields at the end; "user:pass" alone is a password file.
    if (parts.size() > 2) entry.uid = part(2);
    if (parts.size() > 3) entry.gid = part(3);
    if (parts.size() > 5) entry.home = part(5);
    std::string extra;
    for (size_t i = 7; i < parts.size(); ++i)
      extra += (i > 7 ? ":" : "") + part(i);  // a value may hold colons
    for (auto word : base::words(extra, " ")) entry.extra.emplace_back(word);
    const std::string user = part(0);
    if (file.users.contains(user)) {
      errors.push_back(format("passwd-file {}: User {} exists more than once", path,
                              base::printable(user, true)));
      continue;
    }
    // One whose ids are wrong cannot be found, but a list names him: the file does.
    file.order.push_back(user);
    const std::string wrong = check_ids(entry);
    if (!wrong.empty()) {
      errors.push_back(
          format("passwd-file {}:User {} {}", path, base::printable(user, true), wrong));
      continue;
    }
    file.users.emplace(user, std::move(entry));
  }
  return file;
}

Result<PasswdFileArgs> parse_passwd_file_args(std::string_view args) {
  PasswdFileArgs parsed;
  auto rest = base::trim(args);
  while (true) {
    auto [word, after] = base::cut(rest, ' ');
    if (word.starts_with("scheme=")) {
      parsed.scheme = word.substr(7);
    } else if (word.starts_with("username_format=")) {
      parsed.username_format = word.substr(16);
    } else {
      break;
    }
    if (!after) return config_error("passwd-file: Missing args");
    rest = base::trim_left(*after);
  }
  if (rest.empty()) return config_error("passwd-file: Missing args");
  parsed.path = rest;
  return parsed;
}

Result<std::shared_ptr<const PasswdFile>> PasswdFiles::get(const std::string& path) {
  struct stat now;
  if (::stat(path.c_str(), &now) != 0) {
    const int code = errno;
    loaded_.erase(path);
    if (code == ENOENT || code == ENOTDIR) return std::shared_ptr<const PasswdFile>();
    return errno_error(format("stat({}) failed", path), code);
  }
  auto& entry = loaded_[path];
  const bool same = entry.file && entry.changed.tv_sec == now.st_mtim.tv_sec &&
                    entry.changed.tv_nsec == now.st_mtim.tv_nsec && entry.size == now.st_size &&
                    entry.inode == now.st_ino;
  if (same) return entry.file;
  auto text = base::read_file(path);
  if (!text) {
    loaded_.erase(path);
    return text.error();
  }
  std::vector<std::string> errors;
  entry.file = std::make_shared<const PasswdFile>(parse_passwd_file(*text, path, errors));
  base::wipe(*text);
  for (const auto& line : errors) log_.error("{}", line);
  entry.changed = now.st_mtim, entry.size = now.st_size, entry.inode = now.st_ino;
  return entry.file;
}

std::unique_ptr<Passdb> make_passwd_file_passdb(std::shared_ptr<PasswdFiles> files,
                                                PasswdFileArgs args) {
  return std::make_unique<PasswdFilePassdb>(std::move(files), std::move(args));
}

std::unique_ptr<Userdb> make_passwd_file_userdb(std::shared_ptr<PasswdFiles> files,
                                                PasswdFileArgs args) {
  return std::make_unique<PasswdFileUserdb>(std::move(files), std::move(args));
}

}  // namespace dovetail::authd
