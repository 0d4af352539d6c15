"""Where a request to a language model may go: the pool's own way of connecting resolves a name, has every address judged
(`recipe.reach`) and connects to one of those."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from curation.recipe.llm.errors import CallFailed
from curation.recipe.reach import NotPublic, judged

if TYPE_CHECKING:
    import httpx2

#: No answer is this long: what is longer is a stream without end or a bomb.
MOST_BYTES = 32 * 2**20
#: Connections of a pool. A pool asks the system about each of its idle connections whenever a request comes or goes: of 64 in one, that
#: is more work than the requests.
PER_POOL = 4


async def resolved(host: str, port: int, private_allowed: bool) -> list[str]:
    """The IP addresses of a host. Raises CallFailed: unknown name, or an address where this endpoint may not go."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise CallFailed("name_not_resolved", f"{host}: {error}") from None
    try:
        return judged(host, (str(one[4][0]) for one in found), private_allowed)
    except NotPublic as error:
        raise CallFailed("address_refused", f"{error} A site admin can allow it for this endpoint.") from None


def http_client(private_allowed: bool, connections: int, seconds: float) -> httpx2.AsyncClient:
    """A client with pools of so many connections in all that goes only where it may: no redirects, no proxies of the environment,
    no answers beyond `MOST_BYTES`. Belongs to the event loop it is first used in."""
    import httpcore2
    import httpx2

    class Judged(httpcore2.AsyncNetworkBackend):
        """Resolves and judges, then connects to what was judged."""

        def __init__(self) -> None:
            self.inner = httpcore2.AnyIOBackend()

        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> httpcore2.AsyncNetworkStream:
            failure: Exception | None = None
            for address in await resolved(host, port, private_allowed):
                try:
                    return await self.inner.connect_tcp(address, port, timeout, local_address, socket_options)
                except httpcore2.ConnectError as error:
                    failure = error
            raise CallFailed("connection_refused", f"{host}:{port}: {failure}") from None

        async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore2.AsyncNetworkStream:
            raise CallFailed("address_refused", "A socket in the file system is no address of an endpoint.")

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds)

    class Bounded(httpx2.AsyncByteStream):
        def __init__(self, inner: Any, left: Callable[[], None]) -> None:
            self.inner, self.left = inner, left

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for piece in self.inner:
                size += len(piece)
                if size > MOST_BYTES:
                    raise CallFailed("too_large", f"more than {MOST_BYTES // 2**20} MB")
                yield piece

        async def aclose(self) -> None:
            left, self.left = self.left, lambda: None
            try:
                await self.inner.aclose()
            finally:
                left()

    class Transport(httpx2.AsyncBaseTransport):
        """Small pools, filled one after the other: whoever asks little keeps few connections open."""

        def __init__(self) -> None:
            trusted = httpx2.create_ssl_context(
                trust_env=False
            )  # read once: each pool would read the certificates again
            self.sizes = [min(PER_POOL, connections - at) for at in range(0, connections, PER_POOL)]
            self.pools = [_a_pool(size, Judged(), trusted) for size in self.sizes]
            self.busy = [0] * len(self.pools)

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            free = (at for at, busy in enumerate(self.busy) if busy < self.sizes[at])
            at = next(free, min(range(len(self.busy)), key=self.busy.__getitem__))
            self.busy[at] += 1
            try:
                response = await self.pools[at].handle_async_request(request)
            except BaseException:
                self._left(at)
                raise
            response.stream = Bounded(response.stream, partial(self._left, at))
            if response.headers.get("content-encoding", "identity") != "identity":
                await response.aclose()
                raise CallFailed("garbled", "It is compressed, which was not asked for.")
            return response

        def _left(self, at: int) -> None:
            self.busy[at] -= 1

        async def aclose(self) -> None:
            for pool in self.pools:
                await pool.aclose()

    return httpx2.AsyncClient(
        transport=Transport(),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(seconds, connect=min(10.0, seconds)),
        headers={"Accept-Encoding": "identity"},
    )


def _a_pool(connections: int, backend: Any, trusted: ssl.SSLContext) -> httpx2.AsyncHTTPTransport:
    """A transport whose pool connects by this backend, to whom the certificates vouch for."""
    import httpx2

    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    transport = httpx2.AsyncHTTPTransport(verify=trusted, trust_env=False, limits=limits)
    transport._pool._network_backend = backend
    return transport
