"""95% intervals of shares."""

from __future__ import annotations

from math import sqrt

#: Of a normal deviate, 95% lie within so many deviations.
Z = 1.959963984540054


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The interval of a share by its score test (Wilson 1927): holds for few and for 0 or all of them.
    (0, 1) of nothing."""
    return wilson_of_share(part / whole, whole) if whole else (0.0, 1.0)


def wilson_of_share(share: float, draws: float) -> tuple[float, float]:
    """The same for an estimated share that is as sure as that of so many (more than 0) fair draws."""
    middle = share + Z * Z / (2 * draws)
    half = Z * sqrt(share * (1 - share) / draws + Z * Z / (4 * draws * draws))
    bottom = 1 + Z * Z / draws
    return max(0.0, (middle - half) / bottom), min(1.0, (middle + half) / bottom)
