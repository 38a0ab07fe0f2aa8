"""How sure a share of a small count is."""

from __future__ import annotations

from math import sqrt

_Z = 1.959964
"""The standard normal quantile of 97.5 %."""


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, by E. B. Wilson (1927); from 0 to 1 where nothing was counted."""
    if not total:
        return 0.0, 1.0
    share, spread = right / total, _Z * _Z / total
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
