// See maildir_store.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/list/maildir_store.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "mda/storage/list/subscriptions.h"

namespace dovetail::mda {

namespace {

constexpr base::Milliseconds kSubscriptionLockWait{20};
constexpr base::Milliseconds kSubscriptionLockTimeout{30'000};

Error no_such_mailbox(std::string_view name) {
  return permanent(format("[NONEXISTENT] Mailbox doesn't exist: {}", name));
}

// Separators of listed namespaces must agree, and one namespace has the INBOX.
Result<void> check_namespaces(const std::vector<Namespace>& spaces) {
  size_t inboxes = 0;
  const Namespace* first = nullptr;
  for (const Namespace& space : spaces) {
    inboxes += space.settings().inbox;
    if (space.settings().list != ListNamespace::yes) continue;
    if (first != nullptr && first->separator() != space.separator()) {
      return config_error(
          "namespace configuration error: All list=yes namespaces must use the same separator");
    }
    if (first == nullptr) first = &space;
  }
  if (inboxes != 1) {
    return config_error(
        inboxes == 0
            ? "namespace configuration error: inbox=yes namespace missing"
            : "namespace configuration error: There can be only one namespace with inbox=yes");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> Store::create(net::Loop& loop, net::Pool& pool,
                                             StoreSettings settings, Logger log) {
  if (settings.hostname.empty()) {
    char name[256] = {};
    if (gethostname(name, sizeof name - 1) == 0) settings.hostname = name;
  }
  if (settings.namespaces.empty()) {
    NamespaceSettings inbox;
    inbox.inbox = true;
    settings.namespaces.push_back(std::move(inbox));
  }
  std::vector<Namespace> spaces;
  for (const NamespaceSettings& one : settings.namespaces) {
    auto space = Namespace::create(one, settings);
    if (!space) return space.error();
    spaces.push_back(std::move(*space));
  }
  if (auto checked = check_namespaces(spaces); !checked) return checked.error();
  std::unique_ptr<Store> store = std::make_unique<MaildirStore>(
      loop, pool, std::make_shared<const StoreSettings>(std::move(settings)), std::move(spaces),
      std::move(log));
  return store;
}

MaildirStore::MaildirStore(net::Loop& loop, net::Pool& pool,
                           std::shared_ptr<const StoreSettings> settings,
                           std::vector<Namespace> namespaces, Logger log)
    : loop_(loop),
      pool_(pool),
      settings_(std::move(settings)),
      namespaces_(std::make_shared<const std::vector<Namespace>>(std::move(namespaces))),
      log_(std::move(log)) {}

const Namespace* MaildirStore::namespace_of(const std::vector<Namespace>& spaces,
                                            std::string_view name) {
  const Namespace* best = nullptr;
  size_t longest = 0;
  for (const Namespace& space : spaces) {
    auto match = space.prefix_match(name);
    if (!match || (best != nullptr && *match <= longest)) continue;
    best = &space;
    longest = *match;
  }
  return best;
}

Result<MaildirStore::Place> MaildirStore::place_of(std::string_view name) const {
  Place place;
  place.space = namespace_of(*namespaces_, name);
  if (place.space == nullptr) return no_such_mailbox(name);
  auto storage_name = place.space->storage_name(name);
  if (!storage_name) return storage_name.error();
  place.storage_name = std::move(*storage_name);
  place.name = place.space->name_of(place.storage_name);
  return place;
}

bool MaildirStore::there(const Place& place) {
  return place.space->exists_always(place.name) || place.space->exists_on_disk(place.storage_name);
}

std::vector<NamespaceInfo> MaildirStore::namespaces() const {
  std::vector<NamespaceInfo> all;
  for (const Namespace& space : *namespaces_) {
    const NamespaceSettings& settings = space.settings();
    all.push_back({settings.prefix, space.separator(), settings.type, settings.inbox,
                   settings.hidden, settings.list});
  }
  return all;
}

char MaildirStore::separator(std::string_view name) const {
  const Namespace* space = namespace_of(*namespaces_, name);
  return space != nullptr ? space->separator() : namespaces_->front().separator();
}

Result<void> MaildirStore::valid_name(std::string_view name) const {
  const Namespace* space = namespace_of(*namespaces_, name);
  return space != nullptr ? space->valid_name(name) : Result<void>();
}

// The mailbox object of a name; made on disk if it exists always. Null: no such mailbox.
Task<Result<std::shared_ptr<MaildirMailbox>>> MaildirStore::open_folder(std::string name) {
  auto place = place_of(name);
  if (!place) co_return place.error();
  auto known = open_.find(place->name);
  if (known != open_.end()) {
    if (auto mailbox = known->second.lock()) co_return mailbox;
    open_.erase(known);
  }
  auto job = [place = *place, settings = settings_,
              log = log_]() -> Result<std::shared_ptr<MaildirFolder>> {
    FolderPaths paths = place.space->paths(place.name, place.storage_name);
    bool on_disk = base::file_exists(paths.mail + "/cur");
    if (!on_disk && !there(place)) return std::shared_ptr<MaildirFolder>();
    if (!on_disk) {
      // Modes come from the root, which has to be there first.
      bool inbox = paths.mail == place.space->location().inbox;
      auto made = base::make_directories(paths.mail, 0700);
      if (!made) return made.error();
      auto folder = std::make_shared<MaildirFolder>(paths, settings, log);
      bool marker = !inbox && place.space->location().layout == Layout::maildir_plus_plus;
      if (auto done = folder->create(marker); !done) return done.error();
      return folder;
    }
    auto folder = std::make_shared<MaildirFolder>(paths, settings, log);
    bool separate = paths.control != paths.mail || paths.index != paths.mail;
    if (separate) {
      if (auto done = folder->create(false); !done) return done.error();
    }
    return folder;
  };
  auto folder = co_await pool_.run(job);
  if (!folder) co_return folder.error();
  if (!*folder) co_return std::shared_ptr<MaildirMailbox>();
  // Somebody else may have opened it while we were away.
  auto raced = open_.find(place->name);
  if (raced != open_.end()) {
    if (auto mailbox = raced->second.lock()) co_return mailbox;
  }
  auto mailbox =
      std::make_shared<MaildirMailbox>(loop_, pool_, place->name, std::move(*folder), log_);
  open_[place->name] = mailbox;
  co_return mailbox;
}

Task<Result<std::shared_ptr<Mailbox>>> MaildirStore::open(std::string name) {
  auto mailbox = co_await open_folder(std::move(name));
  if (!mailbox) co_return mailbox.error();
  if (!*mailbox) co_return std::shared_ptr<Mailbox>();
  auto synced = co_await (*mailbox)->sync();
  if (!synced) co_return synced.error();
  co_return std::shared_ptr<Mailbox>(std::move(*mailbox));
}

Task<Result<std::shared_ptr<Mailbox>>> MaildirStore::open_for_delivery(std::string name) {
  auto mailbox = co_await open_folder(std::move(name));
  if (!mailbox) co_return mailbox.error();
  // Mail for the same user comes in bursts. INBOX only: it is there whatever others do.
  if (*mailbox && (*mailbox)->name() == "INBOX") inbox_ = *mailbox;
  co_return std::shared_ptr<Mailbox>(std::move(*mailbox));
}

Task<Result<std::vector<ListEntry>>> MaildirStore::list(ListQuery query) {
  auto job = [spaces = namespaces_, query = std::move(query)] {
    return list_mailboxes(*spaces, query);
  };
  auto entries = co_await pool_.run(job);
  co_return entries;
}

Task<Result<bool>> MaildirStore::exists(std::string name) {
  auto place = place_of(name);
  if (!place) co_return place.error();
  auto job = [place = *place] { return there(place); };
  bool found = co_await pool_.run(job);
  co_return found;
}

Task<Result<void>> MaildirStore::create(std::string name, std::string, std::string guid) {
  auto place = place_of(name);
  if (!place) co_return place.error();
  if (place->space->settings().type != NamespaceType::personal)
    co_return permanent("[NOPERM] Permission denied");
  auto job = [place = *place]() -> Result<bool> { return there(place); };
  auto found = co_await pool_.run(job);
  if (!found) co_return found.error();
  if (*found) co_return permanent("[ALREADYEXISTS] Mailbox already exists");
  auto make = [place = *place, settings = settings_, log = log_, guid]() -> Result<void> {
    const Location& location = place.space->location();
    if (auto root = base::make_directories(location.root, 0700); !root) return root;
    FolderPaths paths = place.space->paths(place.name, place.storage_name);
    struct stat st {};
    if (stat(location.root.c_str(), &st) == 0) {
      if (auto made = base::make_directories(paths.mail, st.st_mode & 07777); !made) return made;
      (void)chmod(paths.mail.c_str(), st.st_mode & 07777);
    }
    auto folder = std::make_shared<MaildirFolder>(paths, settings, log);
    if (auto made = folder->create(location.layout == Layout::maildir_plus_plus); !made)
      return made;
    if (!guid.empty()) {
      if (auto listed = folder->create_list(guid); !listed) return listed;
    }
    // The first scan writes the uidlist, as the incumbent does at creation.
    auto synced = folder->sync();
    if (!synced) return synced.error();
    return {};
  };
  auto made = co_await pool_.run(make);
  co_return made;
}

void MaildirStore::forget(std::string_view name, char separator) {
  std::string below = std::string(name) + separator;
  for (auto it = open_.begin(); it != open_.end();) {
    if (it->first == name || it->first.starts_with(below))
      it = open_.erase(it);
    else
      ++it;
  }
}

Task<Result<void>> MaildirStore::remove(std::string name) {
  auto place = place_of(name);
  if (!place) co_return place.error();
  if (place->name == "INBOX") co_return permanent("INBOX can't be deleted");
  auto job = [place = *place]() -> Result<void> {
    if (!there(place)) return no_such_mailbox(place.name);
    return place.space->remove(place.storage_name);
  };
  auto done = co_await pool_.run(job);
  forget(place->name, place->space->separator());
  co_return done;
}

Task<Result<void>> MaildirStore::rename(std::string from, std::string to) {
  auto source = place_of(from);
  if (!source) co_return source.error();
  auto target = place_of(to);
  if (!target) co_return target.error();
  auto job = [from = *source, to = *target]() -> Result<void> {
    if (from.name == "INBOX") return permanent("[CANNOT] Renaming INBOX isn't supported");
    if (from.space != to.space)
      return permanent("[CANNOT] Renaming between namespaces is not supported");
    bool source_there = from.space->exists_on_disk(from.storage_name);
    if (!source_there) {
      // A parent that is only a name can be renamed with its children.
      auto names = from.space->storage_names();
      std::string below = from.storage_name + from.space->location().storage_separator();
      source_there =
          names && std::any_of(names->begin(), names->end(),
                               [&](const std::string& name) { return name.starts_with(below); });
    }
    if (!source_there) return no_such_mailbox(from.name);
    if (to.name.starts_with(from.name + from.space->separator())) {
      return permanent("Can't rename mailbox under its own child");
    }
    if (there(to)) return permanent("[ALREADYEXISTS] Target mailbox already exists");
    return from.space->rename(from.storage_name, to.storage_name);
  };
  auto done = co_await pool_.run(job);
  forget(source->name, source->space->separator());
  co_return done;
}

Task<Result<void>> MaildirStore::subscribe(std::string name, bool on, bool any) {
  auto place = place_of(name);
  if (!place) co_return place.error();
  base::Milliseconds begin = base::monotonic_now();
  for (;;) {
    auto job = [place = *place, on, any, hostname = settings_->hostname]() -> Result<bool> {
      if (on && !any && !there(place))
        return permanent(format("Mailbox doesn't exist: {}", place.name));
      const Location& location = place.space->location();
      if (auto made = base::make_directories(location.control, 0700); !made) return made.error();
      struct stat st {};
      mode_t mode = stat(location.control.c_str(), &st) == 0 ? st.st_mode & 0666 : 0600;
      return change_subscription(place.space->subscriptions_path(), place.storage_name, on,
                                 location.storage_separator(), hostname, mode);
    };
    auto done = co_await pool_.run(job);
    if (!done) co_return done.error();
    if (*done) co_return Result<void>();
    if (base::monotonic_now() - begin > kSubscriptionLockTimeout) {
      co_return temporary(
          format("Timeout while waiting for lock {}.lock", place->space->subscriptions_path()));
    }
    co_await loop_.sleep(kSubscriptionLockWait);
  }
}

Task<Result<std::vector<std::string>>> MaildirStore::subscriptions() {
  auto job = [spaces = namespaces_] { return list_subscriptions(*spaces); };
  auto names = co_await pool_.run(job);
  co_return names;
}

}  // namespace dovetail::mda
