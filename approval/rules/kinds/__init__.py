"""What a rule can do; one file for each kind. Packs name the kind, the file gives it its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .base import Hit, Kind, Maker
from .limit import Limit
from .phrase import Phrase
from .pii import Pii
from .require import Require
from .swap import Swap

KINDS: Mapping[str, type[Kind]] = MappingProxyType(
    {"phrase": Phrase, "require": Require, "limit": Limit, "swap": Swap, "pii": Pii}
)
"""Name in the packs to class."""

__all__ = ["KINDS", "Hit", "Kind", "Maker"]
