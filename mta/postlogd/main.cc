// postlogd: writes lines into maillog_file for programs that may not open it (set-gid commands, users' scripts). Daemons of
// ours write the file themselves. A datagram is one line, as the incumbent's clients send it ("Mon dd hh:mm:ss HOST TAG[PID]:
// TEXT") or in syslog's form ("<22>Mon dd hh:mm:ss TAG[PID]: TEXT"). Manual: postlogd(8).
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/service/run_postfix.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::mta {
namespace {

constexpr size_t kTimeStamp = 15;  // "Mon dd hh:mm:ss"

class PostlogdRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override {
    std::string path = context.main_cf->get("maillog_file");
    if (path.empty()) {
      context.log.warning("maillog_file is empty: lines sent to this service are dropped");
      return {};
    }
    auto file = base::open_file(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (!file) return file.error();
    file_ = std::move(*file);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    host_ = base::cut(host, '.').first;
    return {};
  }
  bool wants_triggers() const override { return true; }
  void trigger(service::Context&, std::string_view datagram) override {
    if (datagram.size() <= kTimeStamp || !file_) return;  // the parent's wake-ups
    auto line = with_host(base::trim_right(datagram, std::string_view("\n\0", 2)));
    std::string text = base::printable(line, true) + '\n';
    // One write per line: O_APPEND keeps lines of several processes whole.
    [[maybe_unused]] ssize_t n = ::write(file_.get(), text.data(), text.size());
  }
  Task<> serve(service::Context&, service::Client) override { co_return; }
  bool busy() const override { return false; }

 private:
  std::string with_host(std::string_view line) const {
    if (!line.starts_with('<')) return std::string(line);
    size_t end = line.find('>');
    if (end == std::string_view::npos || line.size() < end + 1 + kTimeStamp)
      return std::string(line);
    line.remove_prefix(end + 1);
    return format("{} {}{}", line.substr(0, kTimeStamp), host_, line.substr(kTimeStamp));
  }

  Fd file_;
  std::string host_;
};

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  dovetail::mta::PostlogdRole role;
  return dovetail::service::run_postfix_service(argc, argv, "postlogd", role);
}
