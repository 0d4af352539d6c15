"""An area of a map as an address carries it: `<map>.<polygon>`, and which points lie inside.

The polygon is its corners, eight hexadecimal digits each (x and y of the map's grid, 0 to ffff). A browser draws it, but only the map
that the studio keeps decides what is in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_CORNERS, MOST_CORNERS = 3, 60
#: Characters of the longest area.
LONGEST = 33 + 8 * MOST_CORNERS
_SHAPE = re.compile(rf"([0-9a-f]{{32}})\.((?:[0-9a-f]{{8}}){{{LEAST_CORNERS},{MOST_CORNERS}}})")


class AreaError(ValueError):
    """The text is no area; the message says what one looks like."""


@dataclass(frozen=True, slots=True)
class Area:
    """`corners` are (x, y) on the grid of the map with this UUID, in the order in which they are joined; the last joins the first."""

    map: UUID
    corners: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        return f"{self.map.hex}." + "".join(f"{x:04x}{y:04x}" for x, y in self.corners)

    def holds(self, xs: NDArray[Any], ys: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of these points lie inside, by the even-odd rule. The map's script counts in the same arithmetic."""
        import numpy as np

        x, y = xs.astype(np.float64), ys.astype(np.float64)
        inside = np.zeros(len(x), dtype=bool)
        ahead = np.array(self.corners, dtype=np.float64)
        behind = np.roll(ahead, 1, axis=0)
        for (x1, y1), (x2, y2) in zip(ahead, behind, strict=True):
            if y1 != y2:
                crosses = (y1 > y) != (y2 > y)
                inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
        return inside


def parse(text: str) -> Area:
    """Read an area. Raises AreaError for anything else."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise AreaError(
            f"This is no area of a map: it needs {LEAST_CORNERS} to {MOST_CORNERS} corners. Draw it again on the map."
        )
    digits = found[2]
    numbers = [int(digits[at : at + 4], 16) for at in range(0, len(digits), 4)]
    return Area(UUID(found[1]), tuple(zip(numbers[::2], numbers[1::2], strict=True)))
