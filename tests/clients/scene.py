"""The scene of a client test: a stand-in Hub, a daemon in front of it, and users with empty homes.

Made for one test and taken down after it, so that `cold` means cold. The daemon starts when the
first user needs it, or earlier when the test has settings for it.
"""
from clients.support import Client
from clients.wall import Wall


class Scene:
    def __init__(self, hub, start_daemon, outside, folder):
        self.hub = hub
        self.outside = outside
        self.folder = folder
        self._start_daemon = start_daemon
        self._users = 0
        self._walls = []
        self.daemon = None

    def start(self, **settings):
        """A moving revision stays fresh for the whole test unless the test says otherwise."""
        self.daemon = self._start_daemon(self.hub, **{"revisions_ttl": "1h", **settings})
        return self.daemon

    def home(self):
        self._users += 1
        return self.folder / f"user{self._users}"

    def client(self, name: str, endpoint: str | None = None, home=None, **variables) -> Client:
        """A user with an empty home, or one who comes back to `home`."""
        if self.daemon is None:
            self.start()
        return Client(name, home or self.home(), endpoint or self.daemon.url, self.outside.url,
                      **variables)

    def wall(self) -> Wall:
        self._walls.append(Wall(self.daemon))
        return self._walls[-1]

    def walled(self, name: str, **variables) -> Client:
        """A user who can reach the daemon and nothing else; `asked` is what he asks of it."""
        wall = self.wall()
        client = self.client(name, prefix=wall.prefix, **variables)
        client.asked = wall.asked
        return client

    def close(self):
        for it in self._walls:
            it.close()

    def go_offline(self):
        """The Hub disappears and the daemon starts anew: nothing is left but its disk."""
        self.hub.down()
        self.daemon.restart()
