"""An OpenAI-compatible server on loopback, over real HTTP, that answers as a test tells it to, and keeps its own log.

`python -m tests.llm_server PORT LOG` runs one in a process of its own that answers every rating at once and logs a line for each.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RATING = '{"reasons": "It explains a cause and its effect.", "score": 3}'


@dataclass
class Reply:
    """What the server does with one request."""

    content: str | None = RATING
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None  # instead of an answer
    delay: float = 0.0
    cut: bool = False  # close the connection in the middle of the answer
    hang: bool = False  # never answer
    finish: str = "stop"
    usage: bool = True
    extra: dict[str, Any] = field(default_factory=dict)  # for the message
    tokens_out: int | None = None


@dataclass
class Seen:
    """One request as the server saw it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    tokens: int = 0

    @property
    def text(self) -> str:
        return "\n".join(one["content"] for one in self.body.get("messages", [])) or str(
            self.body.get("prompt", "")
        )


def error(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    body = json.dumps({"error": {"message": message, "code": code, "type": "error"}}).encode()
    return Reply(
        status=status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


Script = Callable[[Seen, int], Reply]


class Server:
    """`script(request, number of requests with this text so far)` says what to do. In a thread with a loop of its own."""

    def __init__(
        self,
        script: Script | None = None,
        models: tuple[str, ...] = ("tiny",),
        log: Path | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tls = tls
        self.script: Script = script or (lambda seen, nth: Reply())
        self.models = models
        self.seen: list[Seen] = []
        self.in_flight = self.most_in_flight = 0
        self.log = log
        self._counts: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self) -> list[Seen]:
        """Requests for an answer, in their order."""
        return [one for one in self.seen if not one.path.endswith("/models")]

    @property
    def tokens(self) -> int:
        """By its own count, of everything it answered."""
        return sum(one.tokens for one in self.seen)

    def start(self, port: int = 0) -> Server:
        self._thread.start()
        serving = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", port, limit=2**24, backlog=512, ssl=self.tls),
            self._loop,
        )
        self._server = serving.result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                first, *lines = head.decode("latin-1").split("\r\n")
                headers = {
                    k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)
                }
                raw = await reader.readexactly(int(headers.get("content-length", 0)))
                seen = Seen(first.split(" ")[1], headers, json.loads(raw) if raw else {})
                self.in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
                try:
                    going_on = await self._reply(seen, writer)
                finally:
                    self.in_flight -= 1
                if not going_on:
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _reply(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        self.seen.append(seen)
        if seen.path.endswith("/models"):
            body = json.dumps({"object": "list", "data": [{"id": name} for name in self.models]}).encode()
            return await _send(writer, 200, {}, body)
        key = seen.text
        self._counts[key] = self._counts.get(key, 0) + 1
        reply = self.script(seen, self._counts[key])
        if self.log is not None:
            with self.log.open("a") as log:
                log.write(json.dumps({"text": key[-200:], "mark": _mark(key)}) + "\n")
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.hang:
            await asyncio.sleep(3600)
        body = reply.body if reply.body is not None else self._answer(seen, reply)
        if reply.cut:
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n"
                + body[:40]
            )
            await writer.drain()
            return False
        return await _send(writer, reply.status, reply.headers, body)

    def _answer(self, seen: Seen, reply: Reply) -> bytes:
        into = max(1, len(seen.text) // 4)
        out = reply.tokens_out if reply.tokens_out is not None else max(1, len(reply.content or "") // 4)
        seen.tokens = into + out
        choice: dict[str, Any] = {"index": 0, "finish_reason": reply.finish}
        if seen.path.endswith("/chat/completions"):
            choice["message"] = {"role": "assistant", "content": reply.content, **reply.extra}
        else:
            choice["text"] = reply.content
        said: dict[str, Any] = {
            "id": "x",
            "object": "chat.completion",
            "model": seen.body.get("model"),
            "choices": [{**choice, "index": at} for at in range(seen.body.get("n", 1))],
        }
        if reply.usage:
            said["usage"] = {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out}
        return json.dumps(said).encode()


async def _send(writer: asyncio.StreamWriter, status: int, headers: dict[str, str], body: bytes) -> bool:
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(head.encode() + b"\r\n" + body)
    await writer.drain()
    return True


def _mark(text: str) -> str:
    found = re.search(r"<<<TEXT (\w+)>>>", text)
    return found.group(1) if found else ""


@contextmanager
def serving(script: Script | None = None, **options: Any) -> Iterator[Server]:
    """A server that is there for the time of a test."""
    server = Server(script, **options).start()
    try:
        yield server
    finally:
        server.stop()


def main(port: int, log: str) -> None:
    delay = 0.0 if log == "-" else 0.05
    server = Server(lambda seen, nth: Reply(delay=delay), log=None if log == "-" else Path(log))
    server.start(port)
    print(server.port, flush=True)
    server._thread.join()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
