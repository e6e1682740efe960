// SPDX-License-Identifier: Apache-2.0
#include "common/service/tally.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace dovetail::service {

namespace {
constexpr unsigned kCells = 65535;
}

struct Tally::Page {
  std::atomic<uint32_t> used;  // cells from here on were never taken
  std::atomic<uint32_t> cells[kCells];
};
static_assert(std::atomic<uint32_t>::is_always_lock_free);

Result<std::unique_ptr<Tally>> Tally::map(base::Fd fd, unsigned cell) {
  void* at = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) return errno_error("mmap of client counts", errno);
  return std::unique_ptr<Tally>(new Tally(std::move(fd), static_cast<Page*>(at), cell));
}

Result<std::unique_ptr<Tally>> Tally::create() {
  base::Fd fd(::memfd_create("clients", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return errno_error("memfd_create", errno);
  if (::ftruncate(fd.get(), sizeof(Page)) != 0)
    return errno_error("ftruncate of client counts", errno);
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return errno_error("seal client counts", errno);
  }
  auto made = map(std::move(fd), 0);
  if (made) (*made)->taken_ = std::make_unique<bool[]>(kCells);
  return made;
}

Result<std::unique_ptr<Tally>> Tally::join(base::Fd fd, unsigned cell) {
  struct stat st {};
  if (cell >= kCells || ::fstat(fd.get(), &st) != 0 ||
      st.st_size < static_cast<off_t>(sizeof(Page))) {
    return permanent("client counts from the parent are damaged");
  }
  return map(std::move(fd), cell);
}

Tally::~Tally() {
  ::munmap(page_, sizeof(Page));
}

std::optional<unsigned> Tally::take_cell() {
  auto* end = taken_.get() + kCells;
  auto* free = std::find(taken_.get(), end, false);
  if (free == end) return std::nullopt;
  *free = true;
  auto cell = static_cast<unsigned>(free - taken_.get());
  page_->cells[cell] = 0;
  if (page_->used < cell + 1) page_->used = cell + 1;
  return cell;
}

void Tally::give_back(unsigned cell) {
  page_->cells[cell] = 0;
  taken_[cell] = false;
}

bool Tally::enter(unsigned most) {
  ++page_->cells[cell_];
  if (most == 0 || total() <= most) return true;
  --page_->cells[cell_];
  return false;
}

void Tally::leave() {
  --page_->cells[cell_];
}

uint64_t Tally::total() const {
  uint64_t sum = 0;
  auto used = std::min<uint32_t>(page_->used, kCells);
  for (uint32_t i = 0; i < used; ++i) sum += page_->cells[i];
  return sum;
}

}  // namespace dovetail::service
