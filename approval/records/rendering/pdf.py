"""Stories as PDF: embedded fonts, the record's digest and the page's number on each page, the same bytes every time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos
from fpdf.fonts import TTFFont

from approval.records.rendering.line import How, Line

MOST_PASSAGE = 20_000
"""Characters of one passage that are printed; a longer one says how many it leaves out."""
_FONTS = Path(__file__).with_name("fonts")
_FAMILY = "DejaVu"
_MADE = datetime(1980, 1, 1, tzinfo=UTC)
# Private-use characters, which no text brings to a page: they are printed as their code points.
_PAGES = "\uf0f0\uf0f1\uf0f2"
_INK, _QUIET, _LINE, _SOFT = (29, 39, 51), (86, 98, 115), (213, 219, 227), (243, 245, 248)
# Characters that turn the direction of what follows would let a text misstate its own order (Unicode TR 36, 2.5).
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
# Scripts that join or run from right to left, and combining marks: shaping takes four times as long (measured).
_SHAPED = re.compile("[\u0300-\u036f\u0590-\u1cff\u200c\u200d\ufb00-\ufe0f\ufe70-\ufefc]")
_KEPT = frozenset("\n\u200c\u200d\ufe0e\ufe0f")


def document(title: str, foot: str, lines: Iterable[Line]) -> bytes:
    """Return a document of these lines as PDF, with *foot* on each page.

    What the fonts cannot draw is printed as its code point, and said at the end.
    """
    pages = _Pages(drawable(foot))
    try:
        return _Printing(pages, title).printed(lines)
    finally:
        for font in pages.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()


def drawable(text: str) -> str:
    """Return *text* with every character that the fonts cannot draw, or that turns its direction, as code point."""
    text = text.replace("\t", "    ")
    return text.translate({ord(each): f"[U+{ord(each):04X}]" for each in set(text) - _drawn()})


class _Printing:
    def __init__(self, pdf: FPDF, title: str) -> None:
        self._undrawn: set[str] = set()
        self._pdf = pdf
        self._pdf.set_title(drawable(title))
        self._pdf.add_page()
        self._put(title, size=16, bold=True, after=2)

    def printed(self, lines: Iterable[Line]) -> bytes:
        """Print the lines of a story and what could not be drawn, and return the bytes."""
        for line in lines:
            match line.how:
                case How.HEADING:
                    self.heading(line.text)
                case How.STEP:
                    self.step(line.text, line.more)
                case How.FACT:
                    self.fact(line.text, line.more)
                case How.NOTE:
                    self.note(line.text)
                case How.WORDS:
                    self.words(line.text)
        if self._undrawn:
            self._tell_undrawn(len(self._undrawn))
        return bytes(self._pdf.output())

    def _tell_undrawn(self, count: int) -> None:
        self.heading("What could not be drawn")
        self.note(
            f"{count:,} different character{'s' * (count != 1)} stand here as code points, such as [U+4E2D]: "
            "the embedded font has no shape for them, or they would turn the direction of the line. "
            "The record itself holds the characters."
        )

    def heading(self, text: str) -> None:
        """Begin a part."""
        self._room(30)
        self._pdf.ln(4)
        self._put(text, size=12.5, bold=True, after=1)

    def step(self, title: str, when: str) -> None:
        """Begin a step of the story."""
        self._room(24)
        self._pdf.ln(3)
        self._pdf.set_draw_color(*_LINE)
        self._pdf.line(self._pdf.l_margin, self._pdf.y, self._pdf.w - self._pdf.r_margin, self._pdf.y)
        self._pdf.ln(1.5)
        self._put(title, size=10.5, bold=True)
        self._put(when, size=8.5, quiet=True, after=1)

    def fact(self, name: str, value: str) -> None:
        """Print a name and what stands for it."""
        self._put(f"{name}: {value}", size=9)

    def note(self, text: str) -> None:
        """Print a remark."""
        self._put(text, size=8.5, quiet=True)

    def words(self, text: str) -> None:
        """Print somebody's words, set apart from ours."""
        cut = len(text) - MOST_PASSAGE
        self._put(text[:MOST_PASSAGE] or "(nothing)", size=9.5, soft=True, after=1)
        if cut > 0:
            self.note(f"… {cut:,} characters more stand in the record.")

    def _room(self, millimetres: float) -> None:
        if self._pdf.will_page_break(millimetres):
            self._pdf.add_page()

    def _put(
        self, text: str, *, size: float, bold: bool = False, quiet: bool = False, soft: bool = False, after: float = 0
    ) -> None:
        self._undrawn |= set(text.replace("\t", " ")) - _drawn()
        text = drawable(text)
        self._pdf.set_font(_FAMILY, "B" if bold else "", size)
        self._pdf.set_text_shaping(_SHAPED.search(text) is not None)
        self._pdf.set_text_color(*(_QUIET if quiet else _INK))
        self._pdf.set_fill_color(*_SOFT)
        self._pdf.multi_cell(
            0,
            size * 0.53,
            text,
            align="L",
            fill=soft,
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
            padding=(1, 2) if soft else 0,
            wrapmode=WrapMode.WORD,
        )
        if after:
            self._pdf.ln(after)


@cache
def _drawn() -> frozenset[str]:
    """The characters that both fonts draw."""
    plain, bold = (_characters(_FONTS / name) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"))
    drawn = {each for each in plain & bold if unicodedata.category(each) not in ("Cc", "Co", "Cs", "Cf")}
    return frozenset(drawn | _KEPT) - _TURNING


def _characters(path: Path) -> set[str]:
    with TTFont(path, lazy=True) as font:
        return set(map(chr, font.getBestCmap()))


class _Pages(FPDF):
    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self._foot = foot
        self.alias_nb_pages(_PAGES)
        self.set_creation_date(_MADE)
        self.set_lang("en")
        self.set_margins(18, 16)
        self.set_auto_page_break(True, margin=20)
        self.add_font(_FAMILY, "", _FONTS / "DejaVuSans.ttf")
        self.add_font(_FAMILY, "B", _FONTS / "DejaVuSans-Bold.ttf")
        self.set_font(_FAMILY, "", 9)

    def footer(self) -> None:
        """Print the record's digest, and which page of how many this is."""
        self.set_y(-15)
        self.set_font(_FAMILY, "", 7)
        self.set_text_color(*_QUIET)
        self.cell(0, 4, self._foot, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.cell(0, 4, f"Page {self.page_no()} of {_PAGES}")
