// passdb pam: args = [session=yes] [setcred=yes] [failure_show_msg=yes] [cache_key=K] [max_requests=N] [service].
// Without a usable PAM (none built in, or pam_start() refused) the user is unknown here, so that the next passdb decides;
// an internal failure would turn every wrong password for a virtual user into a temporary one.
// SPDX-License-Identifier: Apache-2.0
#ifdef DOVETAIL_PAM
#include <security/pam_appl.h>
#endif

#include <cstdlib>
#include <cstring>

#include "authd/worker/drivers.h"
#include "common/base/text.h"

namespace dovetail::authd {

#ifdef DOVETAIL_PAM

namespace {

struct PamArgs {
  std::string service = "dovecot";
  bool session = false, setcred = false, show_message = false;
};

PamArgs parse_pam_args(const WorkerQuestion& question) {
  PamArgs args;
  for (auto word : base::words(question.args, " ")) {
    if (word == "session=yes")
      args.session = true;
    else if (word == "setcred=yes")
      args.setcred = true;
    else if (word == "failure_show_msg=yes")
      args.show_message = true;
    else if (word.find('=') == word.npos)
      args.service = word == "*" ? question.request.service : expand_for(question.request, word);
  }
  return args;
}

// The PAM conversation: every hidden prompt gets the password, every open one the user's name.
struct PamTalk {
  const Request* request;
  std::string message;  // what a module wanted to tell
};

int answer_pam(int count, const pam_message** messages, pam_response** responses, void* data) {
  auto* talk = static_cast<PamTalk*>(data);
  if (count <= 0) return PAM_CONV_ERR;
  // PAM frees these with free(3).
  auto* out = static_cast<pam_response*>(calloc(static_cast<size_t>(count), sizeof(pam_response)));
  if (!out) return PAM_BUF_ERR;
  for (int i = 0; i < count; ++i) {
    std::string text;
    switch (messages[i]->msg_style) {
      case PAM_PROMPT_ECHO_ON:
        text = talk->request->user.value_or("");
        break;
      case PAM_PROMPT_ECHO_OFF:
        text = talk->request->password.reveal();
        break;
      case PAM_ERROR_MSG:
      case PAM_TEXT_INFO:
        talk->message = messages[i]->msg;
        continue;
      default:
        continue;
    }
    out[i].resp = strdup(text.c_str());
    base::wipe(text);
  }
  *responses = out;
  return PAM_SUCCESS;
}

// Ends the PAM session with the last status, whichever way we leave.
struct PamHandle {
  pam_handle_t* pam = nullptr;
  int status = PAM_SUCCESS;
  ~PamHandle() {
    if (pam) pam_end(pam, status);
  }
};

// PAM would sleep after a failure, up to some seconds, with the worker in it, and a virtual user whom PAM does not know would
// wait for nothing. auth delays every failure itself.
void no_pam_delay(int, unsigned, void*) {}

void judge_pam_failure(DriverAnswer& answer, int status, const char* words) {
  answer.result = status == PAM_USER_UNKNOWN ? "unknown" : "mismatch";
  if (status == PAM_USER_UNKNOWN) {
    answer.lines.push_back({false, "unknown user"});
  } else if (status == PAM_AUTH_ERR || status == PAM_PERM_DENIED) {
    answer.lines.push_back(
        {false, format("pam_authenticate() failed: {} (Password mismatch?)", words)});
  } else {
    answer.lines.push_back({true, format("pam_authenticate() failed: {}", words)});
  }
}

void check_account(DriverAnswer& answer, PamHandle& handle, const PamArgs& args) {
  auto failed = [&](const char* call) {
    answer.result = "mismatch";
    answer.lines.push_back(
        {true, format("{}() failed: {}", call, pam_strerror(handle.pam, handle.status))});
  };
  if (args.setcred) {
    handle.status = pam_setcred(handle.pam, PAM_ESTABLISH_CRED);
    if (handle.status != PAM_SUCCESS) return failed("pam_setcred");
  }
  handle.status = pam_acct_mgmt(handle.pam, 0);
  if (handle.status != PAM_SUCCESS) {
    failed("pam_acct_mgmt");
    if (handle.status == PAM_ACCT_EXPIRED || handle.status == PAM_NEW_AUTHTOK_REQD)
      answer.result = "expired";
    return;
  }
  if (args.session) {
    handle.status = pam_open_session(handle.pam, 0);
    if (handle.status != PAM_SUCCESS) return failed("pam_open_session");
    handle.status = pam_close_session(handle.pam, 0);
    if (handle.status != PAM_SUCCESS) return failed("pam_close_session");
  }
  answer.result = "ok";
}

}  // namespace

DriverAnswer ask_pam(const WorkerQuestion& question) {
  DriverAnswer answer;
  const auto args = parse_pam_args(question);
  const Request& request = question.request;
  PamTalk talk{&request, {}};
  const pam_conv conversation{answer_pam, &talk};
  PamHandle handle;
  handle.status = pam_start(args.service.c_str(), request.user.value_or("").c_str(), &conversation,
                            &handle.pam);
  if (handle.status != PAM_SUCCESS) {
    answer.result = "unknown";
    answer.lines.push_back(
        {true, format("pam_start() failed: {}", pam_strerror(handle.pam, handle.status))});
    return answer;
  }
  if (!request.remote_ip.empty()) pam_set_item(handle.pam, PAM_RHOST, request.remote_ip.c_str());
  pam_set_item(handle.pam, PAM_TTY, "dovecot");
#ifdef PAM_FAIL_DELAY
  pam_set_item(handle.pam, PAM_FAIL_DELAY, reinterpret_cast<const void*>(no_pam_delay));
#endif
  handle.status = pam_authenticate(handle.pam, 0);
  if (handle.status != PAM_SUCCESS) {
    judge_pam_failure(answer, handle.status, pam_strerror(handle.pam, handle.status));
  } else {
    check_account(answer, handle, args);
  }
  const void* name = nullptr;
  if (answer.result == "ok" && pam_get_item(handle.pam, PAM_USER, &name) == PAM_SUCCESS && name) {
    const std::string changed = static_cast<const char*>(name);
    if (!changed.empty() && changed != request.user) answer.fields.add("user", changed);
  }
  if (answer.result != "ok" && args.show_message && !talk.message.empty()) {
    answer.fields.add("reason", talk.message);
  }
  return answer;
}

#else

DriverAnswer ask_pam(const WorkerQuestion&) {
  DriverAnswer answer;
  answer.result = "unknown";
  answer.lines.push_back({true, "PAM is not built in"});
  return answer;
}

#endif

}  // namespace dovetail::authd
