#pragma once
// AdminGate: stands in front of Admin and lets in who may command the daemon: who shows the token,
// and is not a web page in some browser. Probes (livez, readyz) need no token. After too many wrong
// tokens within a second the next wrong ones are told to wait; the right one is not, so that nobody
// can lock the operator out. One for the process; any io thread.

#include <mutex>
#include <optional>

#include "common/secret.hpp"
#include "server/proxy/answers.hpp"

namespace hubkeep {

class AdminGate : public Handler {
  public:
    // Without a token none is asked for: the rights of a socket file say who may come in.
    AdminGate(Handler& admin, std::optional<Secret> token)
        : admin_(admin), token_(std::move(token)) {}

    Task<void> handle(Exchange& exchange) override;

    // What is wrong with the request; nothing when it may pass.
    std::optional<HubError> judge(const RequestHead& request, std::string_view authorization,
                                  TimePoint now);

  private:
    std::optional<HubError> judge_token(std::string_view authorization, TimePoint now);
    // True when there were too many by now.
    bool note_wrong_token(TimePoint now);

    Handler& admin_;
    const std::optional<Secret> token_;
    std::mutex mutex_;  // of what follows
    int wrong_tokens_ = 0;
    TimePoint counted_since_{};
    TimePoint locked_until_{};
};

}  // namespace hubkeep
