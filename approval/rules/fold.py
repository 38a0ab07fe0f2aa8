"""Characters that look like others, folded to plain letters; case is kept.

Sources: Unicode NFKD; UTS #39 (confusables, only in words of mixed script); Default_Ignorable, Mn and Me.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_IGNORABLE = frozenset("\u034f\u061c\u115f\u1160\u17b4\u17b5")
_THIN = frozenset("\u2004\u2005\u2006\u2008\u2009\u200a\u202f\u205f\u2800\u3164\uffa0")
THIN = "\x1f"
"""A blank so thin that it may stand inside a word."""
_QUOTES = {"‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "´": "'", "ʼ": "'", "‹": "'", "›": "'"}
_DOUBLE_QUOTES = {quote: '"' for quote in "“”„‟″«»"}
_DASHES = {dash: "-" for dash in "‐‑‒–—―−⁃﹘﹣－"}
_LETTERS = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ı": "i", "ɡ": "g", "ɑ": "a", "ǀ": "l", "ℓ": "l", "ᴀ": "a", "ʙ": "b", "ᴄ": "c", "ᴅ": "d",
    "ᴇ": "e", "ꜰ": "f", "ɢ": "g", "ʜ": "h", "ɪ": "i", "ᴊ": "j", "ᴋ": "k", "ʟ": "l", "ᴍ": "m", "ɴ": "n", "ᴏ": "o",
    "ᴘ": "p", "ʀ": "r", "ꜱ": "s", "ᴛ": "t", "ᴜ": "u", "ᴠ": "v", "ᴡ": "w", "ʏ": "y", "ᴢ": "z", "⁄": "/", "∕": "/",
}  # fmt: skip
_FIXED = {**_QUOTES, **_DOUBLE_QUOTES, **_DASHES, **_LETTERS}
# Negative circled and squared letters have no compatibility mapping.
for _first in (0x1F150, 0x1F170):
    _FIXED.update({chr(_first + n): chr(ord("A") + n) for n in range(26)})

_LOOKALIKES = {
    # Cyrillic
    "а": "a", "е": "e", "о": "o", "р": "p", "с": "c", "у": "y", "х": "x", "і": "i", "ј": "j", "ѕ": "s", "һ": "h",
    "ԁ": "d", "ԛ": "q", "ԝ": "w", "к": "k", "м": "m", "т": "t", "в": "b", "н": "h", "г": "r", "п": "n", "и": "u",
    "ь": "b", "ү": "y", "ӏ": "l", "А": "A", "В": "B", "Е": "E", "К": "K", "М": "M", "Н": "H", "О": "O", "Р": "P",
    "С": "C", "Т": "T", "У": "Y", "Х": "X", "І": "I", "Ј": "J", "Ѕ": "S", "З": "3", "Ԍ": "G", "Ӏ": "I", "ё": "e",
    # Greek
    "α": "a", "β": "b", "γ": "y", "ε": "e", "η": "n", "ι": "i", "κ": "k", "ν": "v", "ο": "o", "ρ": "p", "σ": "o",
    "τ": "t", "υ": "u", "χ": "x", "ω": "w", "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z", "Η": "H", "Ι": "I", "Κ": "K",
    "Μ": "M", "Ν": "N", "Ο": "O", "Ρ": "P", "Τ": "T", "Υ": "Y", "Χ": "X", "ϲ": "c", "ϳ": "j",
    # Armenian and Cherokee
    "ա": "w", "ց": "g", "զ": "q", "հ": "h", "ո": "n", "ս": "u", "օ": "o", "յ": "j", "ք": "p", "ր": "n", "լ": "l",
    "Ꭺ": "A", "Ꭼ": "E", "Ꮋ": "H", "Ꮮ": "L", "Ꮲ": "P", "Ꭱ": "R", "Ꮪ": "S", "Ꭲ": "T", "Ꮓ": "Z",
}  # fmt: skip
_MIXED_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z]")
_FOREIGN = re.compile(r"([^\x00-\x7f])([?*+]?)")


@lru_cache(maxsize=65_536)
def fold(character: str) -> str:
    """One character as plain text: "" where it is invisible or a mark, several letters where it stands for several."""
    if character in _FIXED:
        return _FIXED[character]
    if character in _IGNORABLE:
        return ""
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf"):
        return ""
    if _is_mark_of_its_own(character, category):
        return " "
    if category == "Cs":
        return "\ufffd"
    if character in _THIN:
        return THIN
    if category in ("Zs", "Cc"):
        return " "
    if category in ("Zl", "Zp"):
        return "\n"
    plain = "".join(_FIXED.get(c, c) for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    # A few characters grow when lower-cased; the views must keep one length.
    return "".join(c if len(c.lower()) == 1 else c.casefold() for c in plain)


def _is_mark_of_its_own(character: str, category: str) -> bool:
    """Whether it stands beside a word without being part of it: ¹, ™, †, ①."""
    shape = unicodedata.decomposition(character).partition(" ")[0]
    return character in "™℠®©†‡" or (category == "No" and shape in ("<super>", "<circle>", "<square>", ""))


def unmix(text: str) -> str:
    """The same text, of the same length, with look-alikes made Latin in words that mix scripts; honest Greek stays."""
    if _LOOKALIKES.keys().isdisjoint(text):
        return text
    return _MIXED_WORD.sub(_unmix_word, text)


def _unmix_word(match: re.Match[str]) -> str:
    word = match.group()
    if word.isascii() or not _LATIN.search(word):
        return word
    return "".join(_LOOKALIKES.get(c, c) for c in word)


def fold_text(text: str) -> str:
    """A text with each of its characters folded."""
    return "".join(map(fold, text))


def fold_pattern(source: str) -> str:
    """A regular expression folded as the texts are that it is searched for in: é is e in it, “ a plain quote."""
    return source if source.isascii() else _FOREIGN.sub(_fold_in_pattern, source)


def _fold_in_pattern(found: re.Match[str]) -> str:
    character, count = found.groups()
    plain = fold(character)
    if not plain:
        return ""
    return (" " if plain in (" ", THIN) else re.escape(plain)) + count
