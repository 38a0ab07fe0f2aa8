"""`link`: a link, a hashtag or a handle of a certain sort stands in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from ..claim import Span
from ..finding import RuleError
from ..pattern import Expressions, Phrases
from ..places import Weigh, anywhere
from ..text import Reading
from .base import FRAMING_KEYS, Around, Hit, Maker

# Characters that nobody sees part no tag and no host; UTS #39, Default_Ignorable.
_HIDDEN = r"\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_LABEL = rf"[a-z0-9{_HIDDEN}-]{{1,63}}"
_END = r"[^\s<>\"]{0,2000}[^\s<>\".,;:!?)]"
_FOUND = {
    "link": re.compile(
        rf"(?:https?://|www\.){_END}|\b{_LABEL}(?:\.{_LABEL}){{0,3}}\.[a-z{_HIDDEN}]{{2,10}}/{_END}",
        re.IGNORECASE,
    ),
    "hashtag": re.compile(rf"(?<![\w/&])#[{_HIDDEN}]{{0,9}}\w[\w{_HIDDEN}]{{0,99}}"),
    "handle": re.compile(rf"(?<![\w/.])@[\w{_HIDDEN}][\w.{_HIDDEN}-]{{0,98}}\w"),
}
_HOST = re.compile(r"(?:https?://)?(?:[^/?#@\s]{0,200}@)?(?:www\.)?([\w.-]+)")
_NAME = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_OPENERS = {"link": ("/", "www."), "hashtag": ("#",), "handle": ("@",)}


class _Links:
    """Links, hashtags or handles; those of certain hosts, those with certain words in them."""

    def __init__(self, sort: str, hosts: frozenset[str], words: Phrases, openers: tuple[Expressions, ...]) -> None:
        self._sort, self._hosts, self._words = sort, hosts, words
        self.openers = openers

    def spans(
        self, reading: Reading, start: int = 0, end: int | None = None, stands: Weigh = anywhere
    ) -> Iterator[Span]:
        """Where they stand, in order; they are found in the text as typed, and their words read in plain."""
        last = len(reading.plain) if end is None else end
        for found in _FOUND[self._sort].finditer(reading.original):
            place = reading.before(found.start()), reading.before(found.end())
            within = start <= place[0] < place[1] <= last
            if within and self._fits(reading, found.group(), place) and stands(*place):
                yield place

    def _fits(self, reading: Reading, written: str, place: Span) -> bool:
        if self._hosts and not self._is_of_hosts(written.lower()):
            return False
        return not self._words or self._words.occur(reading, *place)

    def _is_of_hosts(self, link: str) -> bool:
        host = _HOST.match(re.sub(f"[{_HIDDEN}]", "", link))
        name = host.group(1).rstrip(".") if host else ""
        return any(name == known or name.endswith("." + known) for known in self._hosts)


def _hosts(make: Maker) -> frozenset[str]:
    """The hosts that a rule names, as they stand in links."""
    hosts = make.texts("hosts")
    for host in hosts:
        if not _NAME.fullmatch(host):
            raise RuleError(f"“{host}” is no host such as example.com, in lower case and without https://", key="hosts")
    return frozenset(hosts)


class Link:
    """Finds links, hashtags or handles (`of`): of certain `hosts`, with `match` in their words, beyond `most`."""

    keys: ClassVar[frozenset[str]] = FRAMING_KEYS | {"of", "hosts", "match", "most"}
    after: frozenset[str] = frozenset()

    def __init__(self, make: Maker) -> None:
        sort = make.text("of", one_of=tuple(_FOUND))
        self._most = make.number("most", least=0) if make.has("most") else 0
        self._claim = make.claim(_Links(sort, _hosts(make), make.phrases("match"), make.openers(*_OPENERS[sort])))
        self.openers = self._claim.openers
        self.considered = self._claim.considered

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """Each that fits, from the first that is too many."""
        for count, (start, end) in enumerate(self._claim.spans(reading), start=1):
            if count > self._most:
                yield Hit(start, end, {"most": str(self._most)})
