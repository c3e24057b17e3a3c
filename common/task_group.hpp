#pragma once
// TaskGroup: the tasks that run on one io thread without anybody awaiting them (sessions,
// transfers). Used by that thread alone; it outlives its tasks. A task that throws is a bug: it is
// logged and the process goes on without it.

#include <cstddef>
#include <string_view>

#include "common/log.hpp"
#include "common/task.hpp"

namespace hubkeep {

class TaskGroup {
  public:
    TaskGroup(Executor executor, Log& log) : executor_(std::move(executor)), log_(log) {}
    void spawn(std::string_view name, Task<void> task);
    std::size_t size() const { return size_; }

  private:
    Executor executor_;
    Log& log_;
    std::size_t size_ = 0;
};

}  // namespace hubkeep
