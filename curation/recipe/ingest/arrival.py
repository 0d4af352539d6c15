"""What is known of a file besides its bytes."""

from __future__ import annotations

from dataclasses import dataclass

from curation.recipe.ingest.content_type import ContentType
from curation.recipe.ingest.found import Row
from curation.recipe.ingest.licences import Licence


@dataclass(frozen=True, slots=True)
class Arrival:
    """The address it was fetched from, the encoding that HTTP stated of its text, and the licence of the
    folder it came in."""

    address: str = ""
    charset: str = ""
    licence: Licence | None = None

    def tell(self, row: Row) -> None:
        """Put what holds for a file that is one document into its row."""
        row.address = row.address or self.address
        if self.charset and row.media_type in ("text/html", "text/plain", "text/markdown"):
            row.media_type = str(ContentType(row.media_type, self.charset))
