"""Sets of small numbers as one long integer each: a union is an `or`, what two have in common an `and`."""

from __future__ import annotations

from collections.abc import Iterable

_FEW = 100
"""Bits up to which taking one after the other off a long integer costs less than writing it out."""


def bits(places: Iterable[int]) -> int:
    """An integer with a bit for each place."""
    numbers = list(places)
    octets = bytearray(max(numbers, default=-1) // 8 + 1)
    for place in numbers:
        octets[place // 8] |= 1 << place % 8
    return int.from_bytes(octets, "little")


def set_bits(number: int) -> list[int]:
    """The places of the bits that are set, in no order."""
    places: list[int] = []
    if number.bit_count() < _FEW:
        while number:
            places.append(number.bit_length() - 1)
            number ^= 1 << places[-1]
        return places
    digits = f"{number:b}"[::-1]
    place = digits.find("1")
    while place >= 0:
        places.append(place)
        place = digits.find("1", place + 1)
    return places
