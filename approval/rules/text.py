"""A text as the rules read it: plain, lower case, unmasked; every place in it leads back to the text as typed."""

from __future__ import annotations

import html
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise

import re2

from . import fold
from .finding import RuleError
from .lexicon import Lexicon
from .linear import options

LARGEST = 1_000_000
"""Code points that one text may have."""

LONGEST_SENTENCE = 2_000
"""Bytes after which a sentence is taken to end."""

LONGEST_QUOTE = 160
"""Bytes between a quoted claim and the end of the quotation."""

Edit = tuple[int, int, str]


@dataclass(frozen=True)
class View:
    """A rewritten text; character *i* stands for `starts[i]` to `ends[i]` of the original (None: for itself)."""

    text: str
    starts: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def rewrite(self, edits: Iterable[Edit]) -> View:
        """The view with (start, end, replacement) applied; edits are in order and do not overlap."""
        edits = list(edits)
        if not edits:
            return self
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for start, end, new in edits:
            self._copy(at, start, pieces, starts, ends)
            if new:
                pieces.append(new)
                first, last = self._origin(start, end)
                same = len(new) == end - start
                starts.extend(self._origin(start + n, start + n + 1)[0] if same else first for n in range(len(new)))
                ends.extend(self._origin(start + n, start + n + 1)[1] if same else last for n in range(len(new)))
            elif ends and end < len(self.text):
                # What is dropped between two characters belongs to the one before it.
                ends[-1] = max(ends[-1], self._origin(start, end)[1])
            at = end
        self._copy(at, len(self.text), pieces, starts, ends)
        return View("".join(pieces), starts, ends)

    def same_length(self, text: str) -> View:
        """The view with other characters in the same places."""
        return View(text, self.starts, self.ends)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Where this stretch of at least one character stands in the original."""
        return self._origin(start, end)

    def _origin(self, start: int, end: int) -> tuple[int, int]:
        if self.starts is None or self.ends is None:
            return start, end
        if start == end:
            here = self.starts[start] if start < len(self.starts) else (self.ends[-1] if self.ends else 0)
            return here, here
        return self.starts[start], self.ends[end - 1]

    def _copy(self, start: int, end: int, pieces: list[str], starts: list[int], ends: list[int]) -> None:
        pieces.append(self.text[start:end])
        if self.starts is None or self.ends is None:
            starts.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
        else:
            starts.extend(self.starts[start:end])
            ends.extend(self.ends[start:end])


class Reading:
    """One text, read once. Rules search `plain` (UTF-8, lower case) and give places in it; `place` leads back."""

    def __init__(self, original: str, view: View) -> None:
        self.original = original
        self.cased = view.text
        self._view = view
        lowered = view.text.lower()
        self.plain = lowered.encode()
        self._ascii = len(self.plain) == len(lowered)
        self.occurring: int | None = None
        """A bit for the row of each pattern that may occur here; None where nobody has looked."""

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The code points of the original that these bytes of `plain` stand for."""
        return self._view.origin(self.index(start), self.index(end))

    def typed(self, start: int, end: int) -> str:
        """These bytes of `plain` as they were typed."""
        first, last = self.place(start, end)
        return self.original[first:last]

    def index(self, offset: int) -> int:
        """The character of `cased` that begins at this byte of `plain`."""
        if self._ascii:
            return offset
        wide, extra = self._wide
        before = bisect_left(wide, offset)
        return offset - (extra[before - 1] if before else 0)

    def offset(self, index: int) -> int:
        """The byte of `plain` at which this character of `cased` begins."""
        if self._ascii:
            return index
        _, extra = self._wide
        before = bisect_left(self._wide_characters, index)
        return index + (extra[before - 1] if before else 0)

    def before(self, place: int) -> int:
        """The bytes of `plain` that stand for the first so many code points of the original."""
        low, high = 0, len(self.cased)
        while low < high:
            middle = (low + high) // 2
            if self._view.origin(middle, middle + 1)[1] <= place:
                low = middle + 1
            else:
                high = middle
        return self.offset(low)

    def sentence(self, start: int, end: int) -> tuple[int, int]:
        """The bytes of `plain` from the start of the sentence of `start` to the end of that of `end`."""
        bounds = self._bounds
        return bounds[bisect_right(bounds, start) - 1], bounds[min(bisect_left(bounds, end, 1), len(bounds) - 1)]

    def is_quoted(self, start: int, end: int) -> bool:
        """Whether a quotation mark is open before these bytes of `plain`, and closed soon after them."""
        before = bisect_left(self._quotes, start)
        return before % 2 == 1 and before < len(self._quotes) and self._quotes[before] - end <= LONGEST_QUOTE

    @cached_property
    def _quotes(self) -> list[int]:
        return [found.start() for found in _QUOTE.finditer(self.plain)]

    @cached_property
    def _wide(self) -> tuple[list[int], list[int]]:
        leads = [(m.start(), _WIDTH[m.group()[0] >> 4]) for m in _LEAD.finditer(self.plain)]
        return [at for at, _ in leads], list(accumulate(width - 1 for _, width in leads))

    @cached_property
    def _wide_characters(self) -> list[int]:
        wide, extra = self._wide
        return [at - more for at, more in zip(wide, (0, *extra), strict=False)]

    @cached_property
    def _bounds(self) -> list[int]:
        plain = self.plain
        ends = (
            m for m in _SENTENCE_END.finditer(plain) if not _ABBREVIATION.search(plain, max(0, m.start() - 6), m.end())
        )
        bounds = [0]
        for end in (*(m.end() for m in ends), len(plain)):
            # No writer makes sentences so long; a bound keeps the work on each place small.
            bounds += range(bounds[-1] + LONGEST_SENTENCE, end, LONGEST_SENTENCE)
            bounds.append(end)
        return bounds


SHOUTED = re.compile(r"\b[A-Z]{4,}\b")
"""A word in capitals, in the cased text; shorter ones may be abbreviations."""
_QUOTE = re.compile(rb'"')
_LEAD = re.compile(rb"[\xc0-\xff]")
_WIDTH = {0xC: 2, 0xD: 2, 0xE: 3, 0xF: 4}
# Tried from the first of many stops alone: tried from each, a row of dots costs the square of its length.
# Who leaves out the blank ends a sentence all the same; “?q=” in a link ends none.
_SENTENCE_END = re.compile(rb"(?<![.!?])[.!?]+[\"')]*\s+|[!?](?=[a-z']{1,40}(?:[\s,;:.!?]|$))|\xe3\x80\x82|\n+")
_ABBREVIATION = re.compile(rb"\b(?:no|vs|mr|mrs|ms|dr|st|inc|e\.g|i\.e|u\.s|p\.a|approx)\.\s+$")


def read(text: str, lexicon: Lexicon) -> Reading:
    """Normalises a text; refuses more than `LARGEST` code points."""
    if len(text) > LARGEST:
        raise RuleError(f"The text has {len(text):,} characters; at most {LARGEST:,} are read.")
    view = View(text if _CONTROL.isdisjoint(text) else text.translate(_PLAIN_CONTROL))
    for _ in range(2):
        if "&" in view.text or "<" in view.text:
            view = view.rewrite(_markup(view.text))
    if not view.text.isascii():
        view = _folded(view)
    if "_" in view.text:
        view = view.same_length(_UNDERSCORED.sub(lambda found: found.group().replace("_", " "), view.text))
    if fold.THIN in view.text:
        view = view.rewrite(_thin(view.text, lexicon))
    view = view.rewrite(_splits(view.text, lexicon)) if _SPACED.search(view.text) else view
    view = view.rewrite(_tags(view.text, lexicon)) if "#" in view.text or "@" in view.text else view
    view = view.rewrite(_words(view.text, lexicon))
    view = view.same_length(_LINE.sub(_joined_line, view.text)) if "\n" in view.text else view
    return Reading(text, view)


# Networks show what they take for no tag, and no tag may hold words: an attribute has no blank in it.
_ATTRIBUTE = r"""[\w-]{1,20}=(?:"[^"\s<>]{0,200}"|'[^'\s<>]{0,200}'|[^\s<>"']{1,200})"""
_MARKUP = re.compile(
    r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,31});|"
    rf"</?(?:a|abbr|b|big|br|center|code|del|div|em|font|h[1-6]|hr|i|img|ins|li|mark|ol|p|pre|q|s|small|span|strike|"
    rf"strong|sub|sup|table|td|th|tr|tt|u|ul|wbr)(?: {{1,3}}{_ATTRIBUTE}){{0,5}} {{0,3}}/?>",
    re.IGNORECASE,
)


_BLOCK = re.compile(r"</?(?:br|div|h|li|ol|p\b|pre|t[dhr]|table|ul)", re.IGNORECASE)
_PLAIN_CONTROL = {**{code: " " for code in (*range(10), *range(11, 32), 127)}, ord("`"): "'"}
_CONTROL = frozenset(map(chr, _PLAIN_CONTROL))


def _markup(text: str) -> Iterable[Edit]:
    for found in _MARKUP.finditer(text):
        is_tag = found.group()[0] == "<"
        mark = "\n" if _BLOCK.match(found.group()) else ""
        new = mark if is_tag else html.unescape(found.group())
        if new != found.group():
            yield found.start(), found.end(), new


# An underscore is a letter to RE2; it parts words, but for those of handles, links and addresses.
_UNDERSCORED = re.compile(r"(?<![\w@/.=-])[A-Za-z0-9]*_\w*(?![\w@/]|\.\w)")
_KEYCAP = re.compile("(?<=[0-9*#])\ufe0f?\u20e3")


def _folded(view: View) -> View:
    if "\u20e3" in view.text:
        view = view.rewrite((found.start(), found.end(), " ") for found in _KEYCAP.finditer(view.text))
    text = view.text
    folds = {c: fold.fold(c) for c in set(text) if not c.isascii()}
    table = {ord(c): new for c, new in folds.items() if len(new) == 1}
    text = text.translate(table)
    widths = "".join(sorted(c for c, new in folds.items() if len(new) != 1))
    view = view.same_length(text)
    if widths:
        found = _any_of(widths).finditer(text)
        view = view.rewrite((m.start(), m.end(), folds[m.group()]) for m in found)
    return view.same_length(fold.unmix(view.text))


@lru_cache(maxsize=1024)
def _any_of(characters: str) -> re.Pattern[str]:
    return re.compile("[" + re.escape(characters) + "]")


# Letters are tried from the beginning of a word alone: tried from each, a long word costs the square of its length.
_AROUND_THIN = re.compile(rf"(?:(?<![A-Za-z])([A-Za-z]+))?({fold.THIN})([A-Za-z]*)")


def _thin(text: str, lexicon: Lexicon) -> Iterable[Edit]:
    """Thin blanks made blanks, but for those that hide a word that the rules know."""
    for found in _AROUND_THIN.finditer(text):
        first, second = (found.group(1) or "").lower(), found.group(3).lower()
        hides = first + second in lexicon.words and not (first in lexicon.words and second in lexicon.words)
        yield *found.span(2), "" if hides else " "


# What most texts do not hold, in one linear pass each: letters set apart, held down, or mixed with symbols.
_SPACED = re2.compile(r"(?:^|[^\pL\d])\pL[ ._/*·•|~-]{1,2}\pL[ ._/*·•|~-]{1,2}\pL(?:$|[^\pL\d])", options())
_MASKED = re2.compile(
    r"[0-9@$€£¢|*+!][a-z]|[a-z]!*[0-9@$€£¢|*+]|" + "|".join(3 * letter for letter in "abcdefghijklmnopqrstuvwxyz"),
    options(),
)

# Single letters with one and the same separator between them: "r.i.s.k", "l/o/w", "g u a r a n t e e d".
_SPLIT = re.compile(r"(?<![^\W_])[^\W\d_]([ ._/*·•|~-]{1,2})(?:[^\W\d_]\1){0,30}[^\W\d_](?![^\W_])")
_PAIRS = frozenset(("no", "my", "to", "so", "we"))
"""Words of two letters that are read where the text sets other words apart in the same way."""


def _splits(text: str, lexicon: Lexicon) -> Iterable[Edit]:
    for found in _SPLIT.finditer(text):
        run = found.group().replace(found.group(1), "")
        if len(run) == 2 and (run.lower() not in _PAIRS or found.group(1).isspace()):
            continue
        words = [run] if run.lower() in lexicon.words else lexicon.split(run.lower())
        if words is None and 2 < len(run) < 5:
            continue
        after = set(accumulate(len(word) for word in words[:-1])) if words else set()
        letters = [m.start() for m in re.finditer(r"[^\W\d_]", found.group())]
        for n, (here, following) in enumerate(pairwise(letters), start=1):
            yield found.start() + here + 1, found.start() + following, " " if n in after else ""


_TAG = re.compile(r"(?<![\w/])[#@]([A-Za-z][A-Za-z0-9_]{3,99})")
_HUMP = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z]{2})(?=[0-9])|(?<=[0-9])(?=[A-Za-z]{3})"
)


def _tags(text: str, lexicon: Lexicon) -> Iterable[Edit]:
    """Spaces between the words of #CamelCase and #runtogether tags and handles."""
    for found in _TAG.finditer(text):
        tag = found.group(1)
        cuts = [m.start() for m in _HUMP.finditer(tag)]
        pieces = [tag[here:there].lower() for here, there in pairwise((0, *cuts, len(tag)))]
        if not all(piece.isdecimal() or piece in lexicon.words for piece in pieces):
            words = lexicon.split(tag.lower())
            cuts = list(accumulate(len(word) for word in words[:-1])) if words else cuts
        for cut in cuts:
            yield found.start(1) + cut, found.start(1) + cut, " "


_TOKEN = re.compile(r"[A-Za-z0-9@$€£¢!|*+]+")
_PLAIN = re.compile(r"[A-Za-z]+")
_HELD = re.compile(r"([A-Za-z])\1\1")
_BREAK = re.compile(r"-?[ \n]|-\s?\n")


def _words(text: str, lexicon: Lexicon) -> Iterable[Edit]:
    """Masked, stretched, misspelt and broken words, put right where that gives a word that the rules know."""
    lowered = text.lower()
    if _MASKED.search(lowered) is None and not lexicon.may_mend(_PLAIN.findall(lowered)):
        return
    before: re.Match[str] | None = None
    for found in _TOKEN.finditer(lowered):
        token = found.group()
        if not token.isalpha():
            before = None
            if not token.isdecimal():
                yield from _unmasked(found, lexicon)
        elif (word := _mended(token, lexicon)) is not None:
            before = None
            yield found.start(), found.end(), word
        else:
            if before is not None and _are_one(lowered, before, found, lexicon):
                yield before.end(), found.start(), ""
            before = found


def _mended(token: str, lexicon: Lexicon) -> str | None:
    """The word that this one misspells or stretches, or None."""
    word = lexicon.correct(token) if len(token) > 6 else None
    return lexicon.squeeze(token) if word is None and _HELD.search(token) else word


def _are_one(text: str, first: re.Match[str], second: re.Match[str], lexicon: Lexicon) -> bool:
    """Whether two neighbours are the halves of one long word, and not two words themselves."""
    return (
        first.group() + second.group() in lexicon.long_words
        and _BREAK.fullmatch(text, first.end(), second.start()) is not None
        and not (first.group() in lexicon.words and second.group() in lexicon.words)
    )


def _unmasked(found: re.Match[str], lexicon: Lexicon) -> Iterable[Edit]:
    token, start = found.group(), found.start()
    if len(token) > 30 or not _PLAIN.search(token):
        return
    for head, tail in ((0, 0), (0, 1), (1, 1), (1, 0), (0, 2), (2, 2)):
        core = token[head : len(token) - tail]
        # True numbers stay: 10x, 401k, 3D begin with a digit that no word of ours begins with unmasked.
        if core.isalpha() or any(c.isalnum() for c in token[:head] + token[len(token) - tail :]):
            continue
        word = lexicon.unmask(core) if len(core) > 1 else None
        if word is not None:
            yield start + head, start + head + len(core), word
            return


_STOPS = frozenset((".", "!", "?", ":", ";"))
_LINE = re.compile(r"([^\n]?)\n([ \t]*)(\n*)([^\n]?)")


def _joined_line(found: re.Match[str]) -> str:
    """A lone line break inside a sentence is a space; before a capital, a digit or a bullet it ends the sentence."""
    before, blank, more, after = found.groups()
    joins = not more and after.islower() and before not in _STOPS
    return f"{before}{' ' if joins else chr(10)}{blank}{more}{after}"
