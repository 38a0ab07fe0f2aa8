"""What a rule can do; one file for each kind. Packs name the kind, the file gives it its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .base import Around, Hit, Kind, Maker
from .comparison import Comparison
from .figure import Figure
from .limit import Limit
from .link import Link
from .pattern import Pattern
from .phrase import Phrase
from .pii import Pii
from .pressure import Pressure
from .proximity import Proximity
from .repetition import Repetition
from .require import Require
from .swap import Swap
from .testimonial import Testimonial

KINDS: Mapping[str, type[Kind]] = MappingProxyType(
    {
        "phrase": Phrase,
        "pattern": Pattern,
        "proximity": Proximity,
        "require": Require,
        "swap": Swap,
        "limit": Limit,
        "repetition": Repetition,
        "figure": Figure,
        "pii": Pii,
        "link": Link,
        "pressure": Pressure,
        "comparison": Comparison,
        "testimonial": Testimonial,
    }
)
"""Name in the packs to class."""

__all__ = ["KINDS", "Around", "Hit", "Kind", "Maker"]
