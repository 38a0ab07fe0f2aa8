"""Numbers as addresses and forms hold them: none that a database could not hold."""

from __future__ import annotations

from werkzeug.routing import IntegerConverter, Map

LARGEST = 2**63 - 1
_DIGITS = len(str(LARGEST))


class Number(IntegerConverter):
    """The `int` of a route; what is larger than any id leads nowhere."""

    regex = rf"\d{{1,{_DIGITS}}}"

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST)


def number(text: str) -> int:
    """Read a number for `args.get(…, type=number)`; ValueError where it is none, or too large."""
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or int(text) > LARGEST:
        raise ValueError("not a number of this program")
    return int(text)
