"""The look: what the design promises of colour, icons and strict CSP, read from the files themselves."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERIFIER = ROOT / "templates" / "records" / "export" / "verify.html"
"""A file for other machines, under a policy of its own (tests/browser/test_verify_page.py); never a page here."""
TEMPLATES = sorted(set((ROOT / "templates").rglob("*.html")) - {VERIFIER})
SHEETS = sorted((ROOT / "static" / "css").glob("*.css"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))

PAIR = re.compile(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
INLINE = re.compile(
    r"""\sstyle\s*=|\son[a-z]+\s*=\s*["']|<script(?![^>]*\ssrc=)|<style|javascript:|\|\s*safe\b|render_icon""",
    re.I,
)
ICON = re.compile(r"""\bicon\('([a-z0-9-]+)'""")
LISTED_ICON = re.compile(r"""^  '[a-z_]+': \([^)]*?'([a-z0-9-]+)'(?:, '[A-Z][^']*')?\),$""", re.M)

TONES = [(f"{tone}-ink", f"{tone}-ground") for tone in ("block", "high", "medium", "low", "good")]
TEXTS = [(ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("canvas", "surface", "sunken", "hover")]
ACCENTS = [("accent", ground) for ground in ("canvas", "surface", "hover", "accent-soft")]
TINTED = [("ink", f"{tone}-ground") for tone in ("block", "high", "medium", "low", "good")]


def colours() -> dict[str, tuple[str, str]]:
    text = (ROOT / "static" / "css" / "theme.css").read_text("utf-8")
    return {name: (light, dark) for name, light, dark in PAIR.findall(text)}


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2, definition of relative luminance)."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("ink", "ground"), TONES + TEXTS + ACCENTS + TINTED)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_is_readable_in_both_themes(ink: str, ground: str, theme: int) -> None:
    known = colours()
    assert contrast(known[ink][theme], known[ground][theme]) >= 4.5


@pytest.mark.parametrize("name", ["accent-fill", "accent-fill-hover"])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_white_is_readable_on_the_primary_button(name: str, theme: int) -> None:
    assert contrast("#ffffff", colours()[name][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["control-line", "focus"])
def test_controls_and_focus_stand_out_from_the_page(name: str, theme: int) -> None:
    known = colours()
    assert all(contrast(known[name][theme], known[ground][theme]) >= 3 for ground in ("canvas", "surface"))


def test_the_measure_of_contrast_knows_bad_from_good() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") < 4.5 < contrast("#767676", "#ffffff")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_needs_more_than_the_strict_policy(template: Path) -> None:
    assert not INLINE.search(template.read_text("utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        '<p style="color: red">',
        '<a onclick="go()">',
        "<script>go()</script>",
        '<a href="javascript:go()">',
        "{{ x | safe }}",
    ],
)
def test_the_search_for_inline_code_finds_it(text: str) -> None:
    assert INLINE.search(text)


@pytest.mark.parametrize("sheet", SHEETS + SCRIPTS, ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(sheet: Path) -> None:
    # The name of SVG's elements is an address that nothing ever asks for.
    text = sheet.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"@import|url\(|https?://|innerHTML|insertAdjacentHTML", text)


def test_every_icon_is_in_the_sprite() -> None:
    sprite = files("flask_bootstrap").joinpath("static/bootstrap5/icons/bootstrap-icons.svg").read_text("utf-8")
    known = set(re.findall(r'<symbol[^>]* id="([a-z0-9-]+)"', sprite))
    macros = (ROOT / "templates" / "_macros" / "ui.html").read_text("utf-8")
    used = set(LISTED_ICON.findall(macros)).union(*(ICON.findall(path.read_text("utf-8")) for path in TEMPLATES))
    assert {"x-octagon-fill", "send-check-fill", "bluesky", "check-circle-fill"} <= used
    assert "no-such-icon" not in known
    assert used <= known
