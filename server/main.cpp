#include "server/cli/main_cli.hpp"
#include "server/daemon.hpp"

int main(int argc, char** argv, char** envp) {
    return hubkeep::run_cli(argc, argv, envp, hubkeep::run_daemon);
}
