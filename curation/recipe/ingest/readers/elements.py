"""XML as a stream of elements, by expat: no entity of the document's own is ever resolved, and nothing grows without a bound.

Entities that a document defines are how a small file becomes a huge one, or reads another file: dumps have none, so their
definition is refused. Depth, the length of a tag, and the text that is gathered are bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO
from xml.parsers import expat

from curation.recipe.ingest.limits import Limits, Refused, readable_bytes

PIECE = 64 << 10
DEPTH = 200


class Elements:
    """Feeds a stream to two callables: `opened(name, attributes)` and `closed(name, text)`, with the text directly inside.

    `gathers(name)` says whose text is wanted; of the others none is kept. Names come without their namespace.
    """

    def __init__(
        self,
        limits: Limits,
        opened: Callable[[str, dict[str, str]], None],
        closed: Callable[[str, str], None],
        gathers: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self.limits = limits
        self.opened, self.closed, self.gathers = opened, closed, gathers
        self.open_elements: list[str] = []
        self.pieces: list[str] = []
        self.gathered = 0
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._entity
        parser.ExternalEntityRefHandler = lambda *args: 1
        self.fed = 0

    def feed(self, stream: BinaryIO) -> bool:
        """Parse one more piece. False at the end. Raises Refused beyond a limit, ValueError for what is no XML."""
        data = stream.read(PIECE)
        try:
            self.parser.Parse(data, not data)
        except expat.ExpatError as error:
            raise ValueError(f"{expat.ErrorString(error.code)} at line {error.lineno:,}") from None
        self.fed += len(data)
        if self.fed - max(self.parser.CurrentByteIndex, 0) > self.limits.line_bytes:
            raise Refused(f"has a tag longer than {readable_bytes(self.limits.line_bytes)}")
        return bool(data)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        self.open_elements.append(name)
        if len(self.open_elements) > DEPTH:
            raise Refused(f"is nested deeper than {DEPTH} elements")
        self.pieces, self.gathered = [], 0
        self.opened(name, attributes)

    def _end(self, name: str) -> None:
        name = self.open_elements.pop()
        text = "".join(self.pieces)
        self.pieces, self.gathered = [], 0
        self.closed(name, text)

    def _text(self, text: str) -> None:
        if not self.open_elements or not self.gathers(self.open_elements[-1]):
            return
        self.gathered += len(text)
        if self.gathered * 4 > self.limits.document_bytes:
            raise Refused(f"has a text of more than {readable_bytes(self.limits.document_bytes)}")
        self.pieces.append(text)

    def _entity(self, name: str, *rest: object) -> None:
        raise Refused(f"defines an entity ({name[:40]}), as files do that swell or read other files")


def root_of(head: bytes) -> str:
    """The name of the first element in the first bytes of a file; "" where none shows."""
    from re import search

    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return ""
    found = search(rb"<([A-Za-z_][A-Za-z0-9_.:-]*)", head)
    return found[1].decode().rpartition(":")[2] if found else ""
