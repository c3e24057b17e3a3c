#pragma once
// `hubkeep client add|ls|rm`: the keys of clients. They work on the list in data_dir, so the daemon
// need not run; a running one is told to read it again.

#include "config/client_keys.hpp"
#include "server/cli/command.hpp"

namespace hubkeep {

class ClientAddCommand : public Command {
  public:
    explicit ClientAddCommand(CLI::App& client);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    Result<ClientKey> asked_for() const;

    SettingFlags flags_;
    CLI::Option* name_;
    CLI::Option* team_;
    CLI::Option* expires_;
    CLI::Option* repos_;
    CLI::Option* max_concurrent_;
    CLI::Option* per_minute_;
};

class ClientListCommand : public Command {
  public:
    explicit ClientListCommand(CLI::App& client);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    SettingFlags flags_;
    CLI::Option* json_;
};

class ClientRemoveCommand : public Command {
  public:
    explicit ClientRemoveCommand(CLI::App& client);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    SettingFlags flags_;
    CLI::Option* name_;
};

}  // namespace hubkeep
