"""Texts and packs for the proofs: examples of the shipped packs, whole, cut, spliced, disguised, and pure noise.

Every composer takes a `random.Random`, so that a seed names the input for good.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from approval.rules import AUDIENCES, ENTITY_TYPES, NETWORKS, PRODUCTS, REGIMES, Facts, Rule, load_packs

RULES = load_packs()
EXAMPLES = [example for rule in RULES.rules for example in (*rule.flags, *rule.passes)]
_LABELLED = Path(__file__).parents[1] / "labelled_posts.jsonl"
POSTS: list[dict[str, Any]] = [json.loads(line) for line in _LABELLED.read_text().splitlines()]

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u2066\u2069\u061c"
_JOINTS = (" ", "\n\n", "\n", "", ". ", " - ", "/", "\u2009", "\u200b", "🚀", "! ", "\t", "\r\n", "\x00", " “", "” ")
_MASKS = {"a": "@4а𝐚ａ", "e": "3еｅé", "i": "1!|іı", "o": "0оοº", "s": "$5ѕſ", "t": "7+т", "n": "пñ", "l": "1|ӏℓ"}
_RANGES = (
    (0x20, 0x7F), (0xA0, 0x2FF), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x8FF), (0x2000, 0x2BFF),
    (0x3000, 0xA4FF), (0xD800, 0xDFFF), (0xF900, 0xFFFF), (0x1D400, 0x1D7FF), (0x1F100, 0x1FAFF), (0xE0000, 0x10FFFF),
)  # fmt: skip
_BY_CATEGORY: dict[str, list[str]] = {}
for _point in range(0, 0x20000, 3):
    _BY_CATEGORY.setdefault(unicodedata.category(chr(_point)), []).append(chr(_point))
_MARKUP = (
    "<b>", "</b>", "<", ">", "<a href='", "&amp;", "&#114;", "&#x72;", "&#1114112;", "&#55296;", "&#0;", "&shy;", "&",
    "&amp;amp;lt;", "<!--", "<script>", "&notit;", "<x", "&#9999999;",
)  # fmt: skip
_QUOTES = "“”\"'‘’«»„‹›`"
_FIGURES = (
    "8%", "7,2 %", "$1.5m", "£20k", "€1", "ten per cent", "25 bps", "10x", "three-fold", "24 months", "401k", "0%",
    "4111 1111 1111 1111", "GB82 WEST 1234 5698 7654 32", "078-05-1120", "20-44-19 63329108", "jane@gmail.com",
    "https://bit.ly/no-loss", "#RiskFree", "#guaranteedreturns", "@ZeroRiskNotes", "9" * 30, "1,2,3,4", "⏰", "NOW!!!",
)  # fmt: skip
_WORDS = sorted({word for example in EXAMPLES for word in re.findall(r"[^\W\d_]+", example.text.lower())})


def some_facts(random: Random) -> Facts:
    """The facts of an example, or any facts at all."""
    if random.random() < 0.5:
        return random.choice(EXAMPLES).facts

    def one_of(values: Any) -> Any:
        return random.choice([None, *values])

    return Facts(
        channel=one_of(NETWORKS),
        regime=one_of(REGIMES),
        product=one_of([*PRODUCTS, "tulips"]),
        audience=one_of(AUDIENCES),
        entity_type=one_of(ENTITY_TYPES),
    )


def spliced(random: Random) -> str:
    """Examples cut anywhere and put together."""
    pieces = []
    for _ in range(random.randint(1, 6)):
        text = random.choice(EXAMPLES).text
        at, end = sorted(random.choices(range(len(text) + 1), k=2)) if random.random() < 0.5 else (0, len(text))
        pieces += [text[at:end], random.choice(_JOINTS)]
    return "".join(pieces)


def disguised(random: Random) -> str:
    """An example with letters masked, marked, set apart or held down."""
    text, rate = random.choice(EXAMPLES).text, random.random() / 2
    gap = random.choice(["", "", ".", " ", "·", *INVISIBLE])

    def masked(letter: str) -> str:
        if random.random() > rate:
            return letter
        return random.choice(
            [
                random.choice(_MASKS.get(letter.lower(), letter)),
                letter + random.choice(INVISIBLE),
                letter + "\u0336",
                letter * random.randint(2, 9),
                letter.swapcase(),
                f"&#{ord(letter)};",
            ]
        )

    return gap.join(masked(letter) for letter in text)


def said(random: Random) -> str:
    """Words that the rules know, and figures, in no order that means anything."""
    words = random.choices(_WORDS, k=random.randint(1, 60))
    for _ in range(random.randint(0, 6)):
        words.insert(random.randrange(len(words) + 1), random.choice(_FIGURES))
    return "".join(word + random.choice((" ", " ", " ", ", ", ". ", "\n", "-")) for word in words)


def noise(random: Random) -> str:
    """Characters of every category and plane, lone surrogates among them."""
    if random.random() < 0.5:
        return "".join(random.choice(random.choice(list(_BY_CATEGORY.values()))) for _ in range(random.randint(0, 200)))
    first, last = random.choice(_RANGES)
    return "".join(chr(random.randint(first, last)) for _ in range(random.randint(0, 400)))


def marked_up(random: Random) -> str:
    """Entities, tags and halves of both around words."""
    pieces = [random.choice((random.choice(_MARKUP), random.choice(_WORDS))) for _ in range(random.randint(1, 80))]
    return "".join(pieces)


def quoted(random: Random) -> str:
    """Quotations in quotations, many deep, closed or not."""
    depth = random.randint(1, 400)
    marks = random.choices(_QUOTES, k=depth)
    closing = marks[::-1] if random.random() < 0.5 else []
    return " ".join((*marks, spliced(random), *closing))


def turned(random: Random) -> str:
    """Text from right to left, with marks that turn the direction."""
    hebrew = "".join(chr(random.randint(0x5D0, 0x5EA)) for _ in range(random.randint(1, 40)))
    return f"\u202e{random.choice(EXAMPLES).text[::-1]}\u202c {hebrew} \u2067{spliced(random)}\u2069"


def repeated(random: Random, longest: int = 20_000) -> str:
    """One unit again and again: a letter, a mark, a claim."""
    unit = random.choice((chr(random.randint(1, 0x2FFF)), random.choice(EXAMPLES).text, *_FIGURES, *_MARKUP, *_QUOTES))
    return (unit * (longest // len(unit) + 1))[: random.randint(1, longest)]


COMPOSERS: tuple[Callable[[Random], str], ...] = (
    spliced, spliced, disguised, disguised, said, noise, marked_up, quoted, turned, repeated,
)  # fmt: skip


def some_text(random: Random) -> str:
    """Any of these, or two of them together."""
    text = random.choice(COMPOSERS)(random)
    if random.random() < 0.3:
        text += random.choice(_JOINTS) + random.choice(COMPOSERS)(random)
    return text


_TABLE = re.compile(r"^(?=\[{1,2}(?:pack|words|lexicon|fold|frame|amount|rule)\]{1,2}$)", re.MULTILINE)
_RULE = "[[rule]]\n"
_PACKS = {name: _TABLE.split(source.decode()) for name, source in RULES.sources.items()}
_RULES = {name: [part for part in parts if part.startswith(_RULE)] for name, parts in _PACKS.items()}
_SHARED = {name: "".join(part for part in _PACKS[name] if part not in rules) for name, rules in _RULES.items()}
_WITH_RULES = [name for name, rules in _RULES.items() if rules]
_VALUES = (
    "nan", "-1", "99999999999999999999", "true", '""', "[]", "{}", "2026-02-28", "2026-02-28T00:00:00", '"all"', "0.5",
    '["(?=a)"]', r"['\1']", '["<pct>"]', '["<nothing>"]', '["<3> "]', r"['\d{1000}']", '["(a*)*"]', '["|"]', '["a"]',
    r"['\pL']", r"['\x{110000}']", '["A"]', '["é 🚀"]', '["(("]', '["x{500}{500}"]', '["\\u202e"]', '[["a"]]', "[1]",
    '[{ text = "a" }]', '[{ text = "\\u0000", on = 2026-01-01 }]', '[{ severity = "block" }]', '{ text = "c" }',
    '"{match} {nothing}"', '"{"', '"phrase"', '"require"', '"figure"', '"link"', '"testimonial"', '"block"', '"PRO101"',
)  # fmt: skip
_BITS = ('"', "'", "[", "]", "{", "}", "(?:", r"\b", "|", "*", "\\", "\x00", "\r", "\ufeff", "\u202e", "é", "A", "\n")


def one_rule(rule: Rule) -> dict[str, bytes]:
    """One rule, as it is written in its pack, and the words and frames of all packs."""
    (table,) = (table for table in _RULES[rule.pack] if f'id = "{rule.id}"' in table)
    return _with({rule.pack: [table]})


def mutated(random: Random) -> dict[str, bytes]:
    """A few rules with a few things amiss in them."""
    name = random.choice(_WITH_RULES)
    text = random.choice(_RULES[name])
    for _ in range(random.randint(1, 3)):
        text = _amiss(random, text)
    sources = _with({name: [text]})
    if random.random() < 0.1:
        at = len(sources[name]) - random.randrange(len(text))
        sources[name] = sources[name][:at] + random.randbytes(random.randint(1, 4)) + sources[name][at:]
    return sources


def _with(rules: dict[str, list[str]]) -> dict[str, bytes]:
    return {name: "".join((shared, *rules.get(name, ()))).encode() for name, shared in _SHARED.items()}


def _amiss(random: Random, text: str) -> str:
    lines = text.split("\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(10):
        case 0:
            del lines[one]
        case 1:
            lines.insert(other, lines[one])
        case 2 | 3:  # the value of another key
            lines[one] = lines[one].partition(" = ")[0] + " = " + lines[other].partition(" = ")[2]
        case 4:
            at = random.randrange(len(lines[one]) + 1)
            lines[one] = lines[one][:at] + random.choice(_BITS) + lines[one][at:]
        case 5:
            at, end = sorted(random.choices(range(len(lines[one]) + 1), k=2))
            lines[one] = lines[one][:at] + lines[one][end:]
        case _:
            lines[one] = lines[one].partition(" = ")[0] + " = " + random.choice(_VALUES)
    return "\n".join(lines)
