"""The images and papers of the demo, drawn while it is loaded."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from approval.desk.demo import story

_INK, _PAPER, _LINE = "#1f3a5f", "#f6f4ee", "#d9b44a"
_CARD = (960, 540)
_PAGE = (620, 877)


def card(image: story.Image) -> bytes:
    """Return the card as PNG."""
    picture = Image.new("RGB", _CARD, _INK)
    draw = ImageDraw.Draw(picture)
    draw.text((72, 190), image.title, fill=_PAPER, font=ImageFont.load_default(64))
    draw.line((72, 290, 300, 290), fill=_LINE, width=6)
    draw.text((72, 320), image.shows, fill=_PAPER, font=ImageFont.load_default(32))
    draw.text((72, 470), "Northwind Bank", fill=_LINE, font=ImageFont.load_default(26))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def page(paper: story.Paper) -> bytes:
    """Return the page as PDF."""
    picture = Image.new("L", _PAGE, 255)
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(paper.lines):
        draw.text((60, 80 + 44 * number), line, fill=20, font=ImageFont.load_default(20))
    out = io.BytesIO()
    picture.save(out, "PDF", resolution=75)
    return out.getvalue()
