"""RE2 as every pattern here is compiled: linear time, no look-around, no back-reference."""

from __future__ import annotations

from functools import lru_cache

import re2

from .finding import RuleError

_KEPT = 24_576
"""Expressions at hand, twice those that ship: versions of the rules differ in a few and share the others."""
LONGEST_KEPT = 20_000
"""Characters of an expression that is worth its place there."""


def options() -> re2.Options:
    """How every pattern is compiled."""
    chosen = re2.Options()
    chosen.never_capture = True
    chosen.log_errors = False
    # Bytes of one automaton: one that needs more begins anew. Four times as much made nothing that ships faster.
    chosen.max_mem = 64 << 20
    return chosen


def compile_pattern(expression: str, source: str = "") -> re2._Regexp:
    """An expression compiled by RE2, or a refusal that names the pattern as it was written."""
    try:
        return _compiled(expression) if len(expression) <= LONGEST_KEPT else re2.compile(expression, options())
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error.args[0])
        raise RuleError(f"RE2 refuses “{source or expression}”: {reason.split(':')[0]}") from error


@lru_cache(maxsize=_KEPT)
def _compiled(expression: str) -> re2._Regexp:
    return re2.compile(expression, options())
