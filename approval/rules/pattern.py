r"""The pattern language of the packs, and RE2, which alone runs it (linear time, no look-around, no back-reference).

A pattern is an RE2 expression over the plain, lower-case reading of a text, with four additions:

- a space stands for whatever may part two words inside one sentence: blanks, hyphens, slashes, quotes, emoji;
- `<name>` stands for a list of alternatives that the packs define under `[words]`;
- `<3>` with a space after it stands for up to three words of the same sentence;
- an apostrophe may be left out by the writer of the post.

A pattern that begins or ends with a letter or a digit begins or ends at the edge of a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from types import MappingProxyType

import re2

from .bits import set_bits
from .finding import RuleError
from .fold import fold_pattern
from .linear import LONGEST_KEPT, compile_pattern
from .literals import Needs
from .needed import Needed
from .places import Weigh, anywhere, leftmost, united
from .syntax import atoms, branches, may_be_absent, nesting
from .text import Reading

LONGEST = 1_000
"""Characters of a pattern as it is written."""
LONGEST_SPELLED = 100_000
_MOST_SPELLED = 20_000
DEEPEST = 20
"""Groups and lists of words inside each other; those that ship have 8 at most."""
_GAP = r"[ \"'*/_~=|<>^\\\x{2190}-\x{2bff}\x{1f000}-\x{1faff}-]+"
_WORD = r"[^ \"*/_~=|<>^\\.,!?;:()\n]+[,:]?"
_EDGE = r"\b"
_MACRO = re.compile(r"<([a-z][a-z0-9-]*)>")
_SPAN = re.compile(r"( ?)<(\d{1,2})> ")
_LOOSE_SPAN = re.compile(r"<\d{1,2}>")
_NOT_OURS = re.compile(r"(?<!\\)(?:\\\\)*\\[CQ]")
_UPPER = re.compile(r"(?<!\\)[A-Z]")
_WORD_ATOM = re.compile(r"[a-z0-9]+|\\[dw]|\[(?:[a-z0-9-]|\\[dw])+\]")
# A blank parts words, but not inside a class.
_BLANK = re.compile(r"(\\.|\[\^?\]?(?:\\.|[^\]\\])*\])| ", re.DOTALL)
_CLASS_NAME = re.compile(r"\\[pP]\{[^}]*\}|\\x\{[0-9a-fA-F]+\}|\(\?P<")


@dataclass(frozen=True)
class Language:
    """The named word lists of all packs, with which patterns are spelled out; what was spelled once is remembered."""

    words: Mapping[str, Sequence[str]]
    _spelled: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    _needed: dict[str, Needed] = field(default_factory=dict, compare=False, repr=False)
    _expanded: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    _depths: dict[str, int] = field(default_factory=dict, compare=False, repr=False)
    _edges: dict[tuple[str, bool], bool] = field(default_factory=dict, compare=False, repr=False)
    _edged_lists: dict[tuple[str, bool, bool], str] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def needs(self) -> Needs:
        """What patterns of this language cannot do without."""
        return Needs(self.words)

    def needed(self, source: str) -> Needed:
        """The words that one pattern cannot do without."""
        if (known := self._needed.get(source)) is not None:
            return known
        _ensure_shallow(_nesting(source))
        if len(self._needed) >= _MOST_SPELLED:
            self._needed.clear()
            self.__dict__.pop("needs", None)
        needed = self._needed[source] = self.needs.of(source)
        return needed

    def spelled(self, source: str) -> str:
        """One pattern as an RE2 expression, spelled once."""
        if (known := self._spelled.get(source)) is not None:
            return known
        if len(self._spelled) >= _MOST_SPELLED:
            self._spelled.clear()
            self._edges.clear()
        spelled = self.spell(source)
        if len(spelled) <= LONGEST_KEPT:
            self._spelled[source] = spelled
        return spelled

    def spell(self, source: str) -> str:
        """One pattern as an RE2 expression."""
        if not source.strip() or len(source) > LONGEST:
            raise RuleError(f"A pattern has 1 to {LONGEST:,} characters.")
        if _UPPER.search(_CLASS_NAME.sub("", source)):
            raise RuleError(f"“{source}” has capitals; patterns are matched on lower-case text.")
        if _LOOSE_SPAN.search(_SPAN.sub("", source)):
            raise RuleError(
                f"“{source}”: after <3>, which stands for up to three words, come a space and another word."
            )
        if _NOT_OURS.search(source):
            raise RuleError(f"“{source}”: \\C, which splits characters, and \\Q are not used here.")
        _ensure_shallow(_nesting(source))
        self._expand(source, ())
        _ensure_shallow(self._depth(source))
        body = self._expand(self._edged(source, head=True, tail=True), ())
        _ensure_spellable(len(body))
        return _spaced(body)

    def _edged(self, source: str, *, head: bool, tail: bool) -> str:
        """The pattern with `\b` wherever a way to begin (or to end) it is a letter or a digit.

        Where only some ways are, each has its own: what stops inside a word would else hide a way that goes on.
        """
        begins, ends = head and self._has_edge(source, last=False), tail and self._has_edge(source, last=True)
        head, tail = head and not begins, tail and not ends
        if head or tail:
            source = "|".join(self._edged_way(way, head=head, tail=tail) for way in branches(source))
        return rf"{_EDGE if begins else ''}(?:{source}){_EDGE if ends else ''}"

    def _edged_way(self, way: str, *, head: bool, tail: bool) -> str:
        """One way; where its first (or last) part has several ways in turn, each of those has its own edge."""
        begins, ends = head and self._way_has_edge(way, last=False), tail and self._way_has_edge(way, last=True)
        head, tail = head and not begins, tail and not ends
        marked, lists = _marked(way)
        parts = [(_unmarked(atom, lists), count) for atom, count in atoms(marked)]
        for place in {0, len(parts) - 1} if parts else ():
            first, last = head and place == 0, tail and place == len(parts) - 1
            atom, count = parts[place]
            if (first or last) and not count:
                parts[place] = self._edged_atom(atom, head=first, tail=last), ""
            elif last and atom.startswith("[^"):
                # So many letters of the rest of a sentence would else stop inside a word, and count for nothing.
                parts[place] = f"(?:{atom}{count}{_EDGE}|{atom}{count})", ""
        spelled = "".join(chain.from_iterable(parts))
        return f"{_EDGE if begins else ''}{spelled}{_EDGE if ends else ''}"

    def _edged_atom(self, atom: str, *, head: bool, tail: bool) -> str:
        if name := _MACRO.fullmatch(atom):
            return self._edged_list(name.group(1), head, tail)
        if atom.startswith("(?:") and atom.endswith(")"):
            return self._edged(atom[3:-1], head=head, tail=tail)
        return atom

    def _edged_list(self, name: str, head: bool, tail: bool) -> str:
        key = (name, head, tail)
        if key not in self._edged_lists:
            words = "|".join(self.words[name])
            self._edged_lists[key] = self._expand(self._edged(words, head=head, tail=tail), (name,))
        return self._edged_lists[key]

    def _has_edge(self, source: str, *, last: bool) -> bool:
        """Whether every way to begin (or to end) this pattern is a letter or a digit."""
        known = self._edges.get((source, last))
        if known is None:
            known = self._edges[source, last] = all(self._way_has_edge(way, last=last) for way in branches(source))
        return known

    def _way_has_edge(self, way: str, *, last: bool) -> bool:
        marked, lists = _marked(way)
        parts = atoms(marked)
        for atom, count in reversed(parts) if last else parts:
            if atom in lists:
                certain = self._list_has_edge(lists[atom], last=last)
            elif atom.startswith("("):
                certain = self._has_edge(atom[1:-1].removeprefix("?:"), last=last)
            else:
                certain = bool(_WORD_ATOM.fullmatch(atom))
            if not certain or not may_be_absent(count):
                return certain
        return False

    def _list_has_edge(self, name: str, *, last: bool) -> bool:
        key = (f"<{name}>", last)
        known = self._edges.get(key)
        if known is None:
            known = self._edges[key] = all(self._has_edge(word, last=last) for word in self.words[name])
        return known

    def _expand(self, source: str, open_names: tuple[str, ...]) -> str:
        length = len(source)

        def put(found: re.Match[str]) -> str:
            nonlocal length
            spelled = self._list(found.group(1), open_names)
            length += len(spelled)
            _ensure_spellable(length)
            return spelled

        return _MACRO.sub(put, source)

    def _depth(self, source: str) -> int:
        """How many groups and lists stand inside each other in a pattern whose lists are spelled out."""
        return _nesting(source) + max((self._depths[name] for name in _MACRO.findall(source)), default=0)

    def _list(self, name: str, open_names: tuple[str, ...]) -> str:
        """A list of words as one group."""
        if name not in self.words:
            raise RuleError(f"<{name}> is not defined under [words].")
        if name in open_names:
            raise RuleError(f"<{name}> is defined by itself.")
        _ensure_shallow(len(open_names))
        if name not in self._expanded:
            inside: list[str] = []
            length = 0
            for word in self.words[name]:
                inside.append(self._expand(word, (*open_names, name)))
                length += len(inside[-1])
                _ensure_spellable(length)
            self._depths[name] = 1 + max(map(self._depth, self.words[name]), default=0)
            _ensure_shallow(self._depths[name])
            self._expanded[name] = f"(?:{'|'.join(inside)})"
        return self._expanded[name]


def _marked(way: str) -> tuple[str, Mapping[str, str]]:
    """A pattern with a class of one letter that nobody types, an atom, for each list of words; and which list it is."""
    names = dict.fromkeys(_MACRO.findall(way)) if "<" in way else ()
    lists = {f"[{chr(0xE000 + n)}]": name for n, name in enumerate(names)}
    for letter, name in lists.items():
        way = way.replace(f"<{name}>", letter)
    return way, lists


def _unmarked(part: str, lists: Mapping[str, str]) -> str:
    for letter, name in lists.items():
        part = part.replace(letter, f"<{name}>")
    return part


def _nesting(source: str) -> int:
    depth = nesting(source)
    if depth is None:
        raise RuleError(f"“{source}” opens or closes a group alone; a bracket that is meant is written \\( or \\).")
    return depth


def _ensure_shallow(depth: int) -> None:
    if depth > DEEPEST:
        raise RuleError(f"A pattern has at most {DEEPEST} groups and lists of words inside each other.")


def _ensure_spellable(length: int) -> None:
    if length > LONGEST_SPELLED:
        raise RuleError(f"A pattern has at most {LONGEST_SPELLED:,} characters when it is spelled out.")


def _spaced(body: str) -> str:
    spans = _SPAN.sub(lambda found: f"{found.group(1)}(?:{_WORD}{_GAP}){{0,{found.group(2)}}}", body.replace("'", "'?"))
    return _BLANK.sub(lambda found: found.group(1) or f"(?:{_GAP})", spans)


class Expressions:
    """A few RE2 expressions; where they match in a reading.

    `needs` holds, for each of them, the words that it cannot do without. `rows` are theirs in the gate of a rule set,
    by which a reading knows that they are absent; `bits` has a bit for each row.
    """

    rows: Mapping[int, int] = MappingProxyType({})
    bits = 0

    def __init__(self, sources: Sequence[str], needs: Sequence[Needed] = ()) -> None:
        self.sources = tuple(sources)
        self.needs = tuple(needs) or (frozenset(),) * len(self.sources)
        self._compiled: list[re2._Regexp | None] = [None] * len(self.sources)

    @property
    def expressions(self) -> tuple[str, ...]:
        """What RE2 is given for each of them."""
        return tuple(map(self._spelled, self.sources))

    def _spelled(self, source: str) -> str:
        _ensure_spellable(len(source))
        return source

    def _one(self, number: int) -> re2._Regexp:
        """One of them; compiled when first asked for. RuleError where RE2 refuses it."""
        compiled = self._compiled[number]
        if compiled is None:
            source = self.sources[number]
            compiled = self._compiled[number] = compile_pattern(self._spelled(source), source)
        return compiled

    def ensure_compiled(self) -> None:
        """Raises RuleError where one of them is none, or RE2 refuses it."""
        for number in range(len(self.sources)):
            self._one(number)

    @property
    def openers(self) -> tuple[Expressions, ...]:
        """The patterns themselves, where there are any."""
        return (self,) if self.sources else ()

    def __bool__(self) -> bool:
        return bool(self.sources)

    def are_absent(self, reading: Reading) -> bool:
        """Whether it is known that none of them stands in a text."""
        if reading.occurring is None or not self.bits:
            return not self.sources
        return not reading.occurring & self.bits

    def stands(self, reading: Reading, number: int) -> bool:
        """Whether this one of them matches somewhere in a text, perhaps inside a word."""
        return self._one(number).search(reading.plain) is not None

    def occur(self, reading: Reading, start: int = 0, end: int | None = None) -> bool:
        """Whether one of them stands between these bytes."""
        return next(self.spans(reading, start, end), None) is not None

    def spans(
        self, reading: Reading, start: int = 0, end: int | None = None, stands: Weigh = anywhere
    ) -> Iterator[tuple[int, int]]:
        """Where they stand, in bytes of `reading.plain`, in order, without overlap; refused places hide no others."""
        end = len(reading.plain) if end is None else end
        return self._found(self._occurring(reading), reading, start, end, stands)

    def covered(self, reading: Reading) -> list[tuple[int, int]]:
        """What any of them covers, each looked for by itself: in order, without overlap."""
        end = len(reading.plain)
        return united(sorted(chain(*(self._found([number], reading, 0, end) for number in self._occurring(reading)))))

    def _found(
        self, numbers: Sequence[int], reading: Reading, start: int, end: int, stands: Weigh = anywhere
    ) -> Iterator[tuple[int, int]]:
        def counts(here: int, there: int) -> bool:
            return self._counts(reading, here, there) and stands(here, there)

        return leftmost([self._one(number) for number in numbers], reading.plain, start, end, counts)

    def _occurring(self, reading: Reading) -> Sequence[int]:
        """The numbers of those that may occur in a text."""
        if reading.occurring is None or not self.bits:
            return range(len(self.sources))
        found = reading.occurring & self.bits
        return sorted(map(self.rows.__getitem__, set_bits(found))) if found else ()

    def _counts(self, reading: Reading, start: int, end: int) -> bool:
        return True


class Phrases(Expressions):
    """A few patterns of the packs' language; where they occur in a reading, at the edges of words."""

    def __init__(self, sources: Sequence[str], language: Language) -> None:
        sources = list(map(fold_pattern, sources))
        super().__init__(sources, [language.needed(source) for source in sources])
        self._language = language

    def _spelled(self, source: str) -> str:
        return self._language.spelled(source)

    def _counts(self, reading: Reading, start: int, end: int) -> bool:
        return not _inside_a_word(reading, start, end)


def _inside_a_word(reading: Reading, start: int, end: int) -> bool:
    """RE2 knows the edges of ASCII words only, and of symbols none."""
    plain = reading.plain
    return _one_word(plain, start) or _one_word(plain, end)


def _one_word(plain: bytes, at: int) -> bool:
    """Whether two letters of one sort meet here: Latin beside Greek is an edge, and Han has edges everywhere."""
    return 0 < at < len(plain) and (sort := _sort(plain, at)) is not None and _sort(plain, at - 1) is sort


def _sort(plain: bytes, at: int) -> bool | None:
    """True for a letter or digit of ASCII, False for a letter of another script with capitals, None for the rest."""
    byte = plain[at : at + 1]
    if byte.isascii():
        return True if byte.isalnum() else None
    first = at
    while first > 0 and plain[first] & 0xC0 == 0x80:
        first -= 1
    return False if plain[first : first + 4].decode(errors="ignore")[:1].islower() else None


NOTHING = Phrases((), Language({}))
"""No pattern; occurs nowhere."""
