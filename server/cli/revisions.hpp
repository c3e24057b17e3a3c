#pragma once
// `hubkeep refresh|pin|unpin|pins`: the operator's word on revisions, told to the running daemon
// over its admin listener.

#include <optional>
#include <string_view>

#include "server/cli/command.hpp"

namespace hubkeep {

class RevisionCommand : public Command {
  public:
    enum class Verb { refresh, pin, unpin, pins };
    RevisionCommand(CLI::App& root, Verb verb);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    Verb verb_;
    SettingFlags flags_;
    CLI::Option* repo_ = nullptr;
    CLI::Option* revision_ = nullptr;
    CLI::Option* commit_ = nullptr;
};

}  // namespace hubkeep
