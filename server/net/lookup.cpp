#include "server/net/lookup.hpp"

#include <netdb.h>

#include <cstring>
#include <mutex>
#include <system_error>
#include <tuple>

#include "common/waiters.hpp"

namespace hubkeep {
namespace {

constexpr int max_running = 16;  // per io thread
constexpr std::size_t max_addresses = 8;

struct Mailbox {
    std::mutex mutex;
    bool open = true;  // while the caller's io thread surely exists
    int error = 0;
    Endpoints endpoints;
    bool filled = false;
    Waiters waiters;
};

Endpoints resolve(const std::string& host, std::uint16_t port, int& error) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    Endpoints endpoints;
    for (auto* entry = list; entry && endpoints.size() < max_addresses; entry = entry->ai_next) {
        asio::ip::tcp::endpoint endpoint;
        if (entry->ai_addrlen > endpoint.capacity()) continue;
        std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
        endpoint.resize(entry->ai_addrlen);
        endpoints.push_back(endpoint);
    }
    if (list) ::freeaddrinfo(list);
    return endpoints;
}

void fill(Mailbox& mailbox, int error, Endpoints endpoints) {
    const std::lock_guard lock(mailbox.mutex);
    mailbox.error = error;
    mailbox.endpoints = std::move(endpoints);
    mailbox.filled = true;
    // Under the mutex: once the caller has closed the box, its io thread may be gone.
    if (mailbox.open) wake(mailbox.waiters.take());
}

bool start(std::shared_ptr<Mailbox> mailbox, std::shared_ptr<std::atomic<int>> running,
           const std::string& host, std::uint16_t port) {
    if (running->fetch_add(1) >= max_running) {
        running->fetch_sub(1);
        return false;
    }
    try {
        std::thread([mailbox = std::move(mailbox), running, host, port] {
            int error = 0;
            auto endpoints = resolve(host, port, error);
            running->fetch_sub(1);
            fill(*mailbox, error, std::move(endpoints));
        }).detach();
    } catch (const std::system_error&) {  // no more threads for this process
        running->fetch_sub(1);
        return false;
    }
    return true;
}

}  // namespace

Task<Result<Endpoints>> lookup(IoThread& thread, std::string host, std::uint16_t port,
                               TimePoint deadline) {
    error_code ec;
    const auto literal = asio::ip::make_address(host, ec);
    if (!ec) co_return Endpoints{{literal, port}};
    auto mailbox = std::make_shared<Mailbox>();
    auto ticket = mailbox->waiters.enroll(thread.executor());
    if (!start(mailbox, thread.lookups(), host, port)) {
        co_return fail(ErrorKind::unreachable,
                       "cannot look up " + host + ": too many lookups are still waiting");
    }
    co_await wait(ticket, deadline);
    const std::lock_guard lock(mailbox->mutex);
    mailbox->open = false;
    // The ticket's timer belongs to the io thread, which the lookup may outlive.
    std::ignore = mailbox->waiters.take();
    if (!mailbox->filled) {
        co_return fail(ErrorKind::timed_out, "the name server did not answer for " + host);
    }
    if (mailbox->error != 0) {
        co_return fail(ErrorKind::unreachable,
                       "cannot look up " + host + ": " + ::gai_strerror(mailbox->error));
    }
    if (mailbox->endpoints.empty()) {
        co_return fail(ErrorKind::unreachable, "the host " + host + " has no address");
    }
    co_return std::move(mailbox->endpoints);
}

}  // namespace hubkeep
