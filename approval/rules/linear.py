"""RE2 as every pattern here is compiled: linear time, no look-around, no back-reference."""

from __future__ import annotations

import re2

from .finding import RuleError


def options() -> re2.Options:
    """How every pattern is compiled."""
    chosen = re2.Options()
    chosen.never_capture = True
    chosen.log_errors = False
    chosen.max_mem = 256 << 20
    return chosen


def compile_pattern(expression: str, source: str = "") -> re2._Regexp:
    """An expression compiled by RE2, or a refusal that names the pattern as it was written."""
    try:
        return re2.compile(expression, options())
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error.args[0])
        raise RuleError(f"RE2 refuses “{source or expression}”: {reason.split(':')[0]}") from error
