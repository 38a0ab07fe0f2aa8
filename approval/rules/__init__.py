"""The rule engine: text in, findings out. It knows no framework, database, network or clock."""

from __future__ import annotations

import gc
from functools import cache
from importlib.resources import files

from .amend import amended
from .finding import TOPICS, Finding, RuleError, Severity
from .products import PRODUCTS, ProductClass, class_of, known
from .proof import failures, offered
from .rule import Example, Rule
from .ruleset import ENGINE, RuleSet
from .scope import AUDIENCES, ENTITY_TYPES, NETWORKS, REGIMES, Facts
from .shared import shown_words
from .text import LARGEST

__all__ = [
    "AUDIENCES",
    "ENGINE",
    "ENTITY_TYPES",
    "LARGEST",
    "NETWORKS",
    "PRODUCTS",
    "REGIMES",
    "TOPICS",
    "Example",
    "Facts",
    "Finding",
    "ProductClass",
    "Rule",
    "RuleError",
    "RuleSet",
    "Severity",
    "amended",
    "class_of",
    "failures",
    "known",
    "load_packs",
    "offered",
    "shown_words",
]


@cache
def load_packs() -> RuleSet:
    """The packs that are shipped; the same object at every call."""
    packs = files(__name__).joinpath("packs")
    rules = RuleSet.parse(
        {file.name.removesuffix(".toml"): file.read_bytes() for file in packs.iterdir() if file.name.endswith(".toml")},
        checked=False,
    )
    # Half a million objects that stay: each full search for cycles would look at them for a third of a second.
    gc.freeze()
    return rules
