"""`pii`: numbers and addresses that belong to a customer, told from others by their check digits and their company."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar

from stdnum import iban, luhn
from stdnum.au import tfn
from stdnum.us import rtn

from ..claim import Span
from ..text import Reading
from .base import Around, Hit, Maker

_DIGITS = re.compile(rb"(?<![\d.,$/-])(?<!\xc2\xa3)\d(?:[ -]?\d){12,}")
_LONGEST_CARD = 19
_GROUP = re.compile(rb"\d+")
_NO_END = re.compile(rb"[\d-]|[.,]\d|%")
_SSN = re.compile(rb"(?<![\d-])(?!000|666|9)\d{3}[- ](?!00)\d\d[- ](?!0000)\d{4}(?![\d-])")
_ITIN = re.compile(rb"(?<![\d-])9\d\d[- ](?:[5-8]\d|9[0-24-9])[- ]\d{4}(?![\d-])")
_NINO = re.compile(rb"\b(?!bg|gb|kn|nk|nt|tn|zz)[abceghj-prstw-z][abceghj-nprstw-z] ?\d\d ?\d\d ?\d\d ?[a-d]\b")
_IBAN = re.compile(rb"\b[a-z]{2}\d\d(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?\b")
_SORT_CODE = re.compile(rb"(?<![\d-])\d\d-\d\d-\d\d(?![\d-])[^\d\n]{1,25}\d{8}(?!\d)")
_PERSONAL_MAIL = re.compile(
    rb"\b[a-z0-9._%+-]{1,64} ?@ ?(?:gmail|googlemail|yahoo|ymail|hotmail|outlook|live|msn|icloud|aol|proton|"
    rb"protonmail|gmx|btinternet|bigpond|web)\.(?:com|co\.uk|de|fr|net|me|org|com\.au)\b"
)
_ACCOUNT = re.compile(
    rb"\b(?:account|acct|a/c|policy|loan|member|card|customer)(?: (?:no\.?|number|#))?(?: (?:is|ending(?: in)?))?"
    rb"[ :#]{1,3}(\d[\d -]{5,22}\d)(?![\d%]|[.,]\d)"
)


def _cards(plain: bytes) -> Iterator[Span]:
    """Card numbers, also with an expiry date or a security code behind them, or another number before."""
    for found in _DIGITS.finditer(plain):
        groups = [group.span() for group in _GROUP.finditer(plain, *found.span())]
        after = 0
        for number, (start, _) in enumerate(groups):
            ends = (end for _, end in groups[number : number + _LONGEST_CARD] if end - start <= 2 * _LONGEST_CARD)
            for end in reversed(list(ends)) if start >= after else ():
                if not _NO_END.match(plain, end) and _is_card(re.sub(rb"\D", b"", plain[start:end]).decode()):
                    after = end
                    yield start, end
                    break


def _is_card(digits: str) -> bool:
    """Payment networks begin with 2 to 6 (ISO/IEC 7812), years with 20; one digit repeated passes Luhn for nothing."""
    if not 13 <= len(digits) <= _LONGEST_CARD or digits[0] not in "23456" or len(set(digits)) == 1:
        return False
    return (digits[0] != "2" or "2221" <= digits[:4] <= "2720") and luhn.is_valid(digits)


def _ibans(plain: bytes) -> Iterator[Span]:
    """Account numbers, however many words follow that look like a part of them."""
    for found in _IBAN.finditer(plain):
        start, end = found.span()
        while end > start and not iban.is_valid(plain[start:end].decode()):
            end = max(plain.rfind(b" ", start, end), start)
        if end > start:
            yield start, end


def _tfns(plain: bytes) -> Iterator[Span]:
    for found in re.finditer(rb"(?:tfn|tax file number)\D{1,15}(\d{3}[ -]?\d{3}[ -]?\d{2,3})(?!\d)", plain):
        if tfn.is_valid(found.group(1).decode()):
            yield found.span()


def _accounts(plain: bytes) -> Iterator[Span]:
    """A number of an account, a policy or a loan that is said to be somebody's; routing numbers are public."""
    for found in _ACCOUNT.finditer(plain):
        digits = re.sub(rb"\D", b"", found.group(1)).decode()
        if 7 <= len(digits) <= 17 and not rtn.is_valid(digits):
            yield found.span()


def _of(*patterns: re.Pattern[bytes]) -> Callable[[bytes], Iterator[Span]]:
    def spans(plain: bytes) -> Iterator[Span]:
        for pattern in patterns:
            yield from (found.span() for found in pattern.finditer(plain))

    return spans


DETECTORS: Mapping[str, Callable[[bytes], Iterator[Span]]] = MappingProxyType(
    {
        "card": _cards,
        "iban": _ibans,
        "us-tax-number": _of(_SSN, _ITIN),
        "uk-national-insurance": _of(_NINO),
        "uk-bank-account": _of(_SORT_CODE),
        "au-tax-file-number": _tfns,
        "account-number": _accounts,
        "personal-email": _of(_PERSONAL_MAIL),
    }
)


class Pii:
    """Finds each number that `detect` knows."""

    keys: ClassVar[frozenset[str]] = frozenset({"detect"})
    after: frozenset[str] = frozenset()
    considered: tuple[str, ...] = ()

    def __init__(self, make: Maker) -> None:
        name = make.text("detect", one_of=tuple(DETECTORS))
        self._spans = DETECTORS[name]
        self.openers = make.openers(*("@" if name == "personal-email" else "0123456789"))

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """Each number, in the order in which it stands."""
        for start, end in sorted(self._spans(reading.plain)):
            yield Hit(start, end)
