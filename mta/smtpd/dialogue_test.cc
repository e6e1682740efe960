// Plays the conversations of tests/dialogues/smtp, our own and the recorded ones, in every way they may be played.
// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/test_host.h"
#include "tests/catch.h"
#include "tests/support/dialogue.h"

namespace dovetail::mta::smtpd {
namespace {

struct ModeRow {
  std::string_view name;
  tests::DialogueMode mode;
};
constexpr ModeRow modes[] = {{"whole", tests::DialogueMode::whole},
                             {"bytes", tests::DialogueMode::bytes},
                             {"pipelined", tests::DialogueMode::pipelined}};

std::string play_file(const tests::Dialogue& dialogue, tests::DialogueMode mode) {
  Loop loop;
  TestHost host(loop, dialogue.settings);
  if (!host.problem().empty()) return dialogue.path + ": " + host.problem();
  tests::DialogueServer server = [&](Fd fd) { return host.serve(std::move(fd)); };
  return tests::play(loop, dialogue, mode, server);
}

void play_directory(const std::string& directory) {
  auto files = tests::dialogue_files(directory);
  REQUIRE(!files.empty());
  for (auto& path : files) {
    auto dialogue = tests::Dialogue::load(path);
    INFO(path);
    REQUIRE(dialogue);
    for (auto& mode : modes) {
      if (!dialogue->may(mode.name)) continue;
      INFO(mode.name);
      CHECK(play_file(*dialogue, mode.mode) == "");
    }
  }
}

}  // namespace

TEST_CASE("conversations of our own") {
  play_directory(DIALOGUES);
}

TEST_CASE("conversations recorded from the incumbent") {
  play_directory(DIALOGUES "/recorded");
}

TEST_CASE("a server whose lists let everybody relay does not start") {
  Loop loop;
  TestHost host(loop, {{"smtpd_relay_restrictions", "permit_mynetworks"},
                       {"smtpd_recipient_restrictions", "permit"}});
  CHECK(host.problem().find("in parameter smtpd_relay_restrictions or "
                            "smtpd_recipient_restrictions, specify at least one") == 0);
}

}  // namespace dovetail::mta::smtpd
