// postconf -Me -MX -M#, -Fe, -Pe -PX: changes master.cf in place. Entries that are changed are printed anew, all others stay as
// they are.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "conf/units.h"
#include "mta/tools/postconf/edit_file.h"
#include "mta/tools/postconf/master_fields.h"
#include "mta/tools/postconf/postconf.h"

namespace dovetail::mta::postconf {
namespace {

using conf::MasterService;

struct MasterRequest {
  std::string argument;  // as given, for messages
  ServicePattern pattern;
  std::string value;
  int found = 0;
};

MasterService parse_entry(std::string_view text, const std::string& argument) {
  auto service = conf::parse_master_line(text, {[](const std::string& w) { warning(w); }});
  if (service) return std::move(*service);
  std::string reason = service.error().text;
  if (reason == "bad field count") fatal(format("{}: \"{}\"", reason, argument));
  fatal(reason);
}

class MasterEditor {
 public:
  explicit MasterEditor(const Options& options) : options_(options), edit_(options.has('e')) {
    for (const std::string& argument : options.arguments)
      requests_.push_back(read_request(argument));
  }

  void run() {
    FileEdit how;
    how.decide = [this](FileEntry& entry) { return decide(entry); };
    how.replacement = [this](const FileEntry& entry) { return changed_entry(entry); };
    how.append = [this] { return new_entries(); };
    edit_file(options_.config_directory + "/master.cf", how);
  }

 private:
  MasterRequest read_request(const std::string& argument) const;
  FileEdit::Action decide(const FileEntry& entry);
  std::string changed_entry(const FileEntry& entry);
  std::string new_entries();
  bool matches(const MasterRequest& request, const MasterService& service) const {
    return request.pattern.matches(service);
  }
  void apply(const MasterRequest& request, MasterService& service) const;
  void set_override(MasterService& service, const std::string& name,
                    const std::string* value) const;

  const Options& options_;
  bool edit_;
  std::vector<MasterRequest> requests_;
  MasterRequest* replacing_ = nullptr;
};

MasterRequest MasterEditor::read_request(const std::string& argument) const {
  if (argument.find('\n') != std::string::npos) fatal("-e, -X, or -# accepts no multi-line input");
  if (base::trim_left(argument).starts_with('#')) fatal("-e, -X, or -# accepts no comment input");
  MasterRequest request{.argument = argument, .pattern = {}, .value = {}};
  std::string name = argument;
  if (edit_) {
    auto pair = conf::split_name_value(argument);
    if (!pair) fatal(pair.error().text);
    name = pair->name;
    request.value = pair->value;
  } else if (name.find('=') != std::string::npos) {
    fatal(format("specify one of -e -{}", options_.has('X') ? 'X' : '#'));
  }
  request.pattern = parse_service_pattern(name);
  size_t parts = request.pattern.parts.size();
  if (options_.has('M') && parts != 2) fatal("-Me, -MX or -M# requires service_name/type");
  if (options_.has('F') && parts != 3) fatal("-Fe or -FX requires service_name/type/field_name");
  if (options_.has('P') && parts != 3) fatal("-Pe or -PX requires service_name/type/parameter");
  if (options_.has('F')) check_field_name(request.pattern.parts[2]);
  if (options_.has('P') && request.value.find_first_of(base::kSpace) != std::string::npos) {
    fatal("-Pe does not accept whitespace in parameter value");
  }
  if (options_.has('M') && edit_) parse_entry(request.value, argument);
  return request;
}

FileEdit::Action MasterEditor::decide(const FileEntry& entry) {
  using Action = FileEdit::Action;
  auto words = base::words(entry.text);
  MasterService key;
  key.name = words.empty() ? "" : std::string(words[0]);
  key.type = words.size() < 2 ? "" : std::string(words[1]);
  Action action = Action::keep;
  for (MasterRequest& request : requests_) {
    if (!matches(request, key)) continue;
    ++request.found;
    if (!options_.has('M')) {
      action = Action::replace_behind;
    } else if (!edit_) {
      action = options_.has('X') ? Action::remove : Action::comment_out;
    } else {
      // The first of several entries of one name is replaced, the others go.
      action = request.found == 1 ? Action::replace_now : Action::remove;
      replacing_ = &request;
    }
  }
  return action;
}

std::string MasterEditor::changed_entry(const FileEntry& entry) {
  if (options_.has('M'))
    return print_master_entry(parse_entry(replacing_->value, replacing_->argument), true) + "\n";
  MasterService service = parse_entry(entry.text, entry.text);
  MasterService key = service;
  for (const MasterRequest& request : requests_) {
    if (matches(request, key)) apply(request, service);
  }
  return print_master_entry(service, true) + "\n";
}

void MasterEditor::apply(const MasterRequest& request, MasterService& service) const {
  const std::string& what = request.pattern.parts[2];
  if (options_.has('P')) return set_override(service, what, edit_ ? &request.value : nullptr);
  size_t field = check_field_name(what);
  std::string line;
  for (size_t i = 0; i < 7; ++i) line += (i == field ? request.value : service.fields[i]) + " ";
  line += field == 7 ? request.value : print_command(service);
  auto changed = conf::parse_master_line(line);
  if (!changed)
    fatal(format("invalid {} field \"{}\" in \"{}\"", what, request.value, request.value));
  service = std::move(*changed);
}

// -o name=value, in its old place or behind the last option; nullptr removes it.
void MasterEditor::set_override(MasterService& service, const std::string& name,
                                const std::string* value) const {
  auto& words = service.arguments;
  size_t options_end = words.size() - service.own_arguments.size();
  bool done = false;
  for (size_t i = 0; i + 1 < options_end;) {
    bool is_it = words[i] == "-o" && words[i + 1].substr(0, words[i + 1].find('=')) == name;
    if (!is_it) {
      i += words[i] == "-o" ? 2 : 1;
      continue;
    }
    if (value) {
      words[i + 1] = name + "=" + *value;
      done = true;
      i += 2;
    } else {
      words.erase(words.begin() + static_cast<long>(i), words.begin() + static_cast<long>(i) + 2);
      options_end -= 2;
    }
  }
  if (!value || done) return;
  auto at = words.begin() + static_cast<long>(options_end);
  words.insert(at, {"-o", name + "=" + *value});
}

std::string MasterEditor::new_entries() {
  std::string out;
  for (const MasterRequest& request : requests_) {
    if (request.found > 0) continue;
    if (!options_.has('M')) {
      warning(format("unmatched service_name/type: \"{}\"", request.argument));
    } else if (edit_) {
      out += print_master_entry(parse_entry(request.value, request.argument), true) + "\n";
    }
  }
  return out;
}

}  // namespace

int edit_master(const Options& options) {
  if (options.arguments.empty()) {
    fatal(options.has('e') ? "-e requires name=value argument" : "missing service argument");
  }
  MasterEditor(options).run();
  return 0;
}

}  // namespace dovetail::mta::postconf
