"""One listening origin: accepts connections, reads requests, sends answers, notes everything.

Lives on the stand-in's event loop. Its port stays the same for life, so that it can go down
(connections refused, open ones reset) and come back as the same origin. An exception of a handler
is a bug of the stand-in: it is kept in `crashes`, where the fixture looks.
"""
import asyncio
import socket
import traceback

from .ledger import Ledger, Record
from .ports import free_port
from .wire import MAX_HEAD, BadRequest, Cut, hang_up, read_request, send, text

BACKLOG = 1024
OWN_NAMES = ("127.0.0.1", "localhost")


class Origin:
    def __init__(self, name: str, host: str, port: int, answer, ledger: Ledger, tls=None):
        self.name, self._answer, self._ledger, self._tls = name, answer, ledger, tls
        self.host, self.port = host, port
        self.pace = None
        self.crashes: list[str] = []
        self._server: asyncio.Server | None = None
        self._running: dict[asyncio.Task, asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    async def up(self) -> None:
        while self._server is None:
            port = self.port or free_port()     # and so it is still free at a return
            try:
                self._server = await asyncio.start_server(
                    self._serve, "127.0.0.1", port, ssl=self._tls, limit=MAX_HEAD,
                    backlog=BACKLOG, reuse_address=True)
            except OSError:
                if self.port:
                    raise
            else:
                self.port = port

    async def down(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self._server = None
        running = dict(self._running)
        for task, writer in running.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _serve(self, reader, writer) -> None:
        task = asyncio.current_task()
        self._running[task] = writer
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = self._ledger.connected(self.name)
        if (tls := writer.get_extra_info("ssl_object")) is not None:
            self._ledger.resumed(self.name, tls.session_reused)
        try:
            while await self._one(reader, writer, number):
                pass
            await hang_up(writer, reset=False)
        except Cut as cut:
            await hang_up(writer, cut.reset)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
        except Exception:
            self.crashes.append(traceback.format_exc())
            writer.transport.abort()
        finally:
            del self._running[task]

    async def _one(self, reader, writer, number: int) -> bool:
        try:
            request = await read_request(reader, writer)
        except BadRequest as bad:
            await self._refuse(writer, number, str(bad))
            return False
        if request is None:
            return False
        record = Record(self.name, request.method, request.path, request.query, request.headers,
                        number)
        self._ledger.add(record)
        try:
            if not self._is_mine(request.header("host")):
                reply = text(421, "This host is not served here")
            else:
                reply = await self._answer(self, request, record)
            record.status = reply.status
            reused = await send(reply, request, writer, record, self.pace)
        finally:
            record.done = True
        return reused and (request.header("connection") or "").lower() != "close"

    async def _refuse(self, writer, number: int, why: str) -> None:
        record = Record(self.name, "?", "", "", {}, number, status=400, fault=why, done=True)
        self._ledger.add(record)
        reply = text(400, why, Connection="close")
        body = reply.body.bytes()
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()

    def _is_mine(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        return name in OWN_NAMES and port == str(self.port)
