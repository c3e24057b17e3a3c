#include "common/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <string>

namespace hubkeep {

void TaskGroup::spawn(std::string_view name, Task<void> task) {
    ++size_;
    asio::co_spawn(executor_, std::move(task),
                   [this, name = std::string(name)](std::exception_ptr thrown) {
                       --size_;
                       if (!thrown) return;
                       try {
                           std::rethrow_exception(thrown);
                       } catch (const std::exception& e) {
                           log_.error("a task failed unexpectedly; please report this",
                                      {{"task", name}, {"cause", e.what()}});
                       }
                   });
}

}  // namespace hubkeep
