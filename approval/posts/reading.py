"""The words in an image, read by Tesseract where this machine has it. Never an error: what was not read is None.

The program gets pixels that were decoded and bounded here, as a grey PNG on its standard input; it gets no shell, no
environment of ours and no file. Its table of words (TSV, tesseract(1)) is parsed strictly: other output is no reading.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby

import structlog
from PIL import Image

from approval.errors import Refusal
from approval.posts.images import shown

PROGRAM = "tesseract"
PACKAGE = "tesseract-ocr"
SECONDS = 20.0
MOST_OUTPUT = 512 * 1024
MOST_WORDS = 20_000
"""Code points that are kept of what an image says."""
SIDE = (1_000, 2_000)
"""Pixels of the longer side: a smaller image is doubled, a larger one reduced. Ten-pixel letters are read that way."""
SURE = 60.0
"""Per cent. Measured: printed words of ten pixels and more come with 90 and over, noise with less than 60."""
AT_ONCE = threading.BoundedSemaphore(2)
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "OMP_THREAD_LIMIT": "1"}
_HEADER = "level page_num block_num par_num line_num word_num left top width height conf text".replace(" ", "\t")
_VERSION = re.compile(r"tesseract v?([0-9][0-9A-Za-z.-]{0,40})")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_GREY = 128

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Reading:
    """The words that stand in an image, a line for each paragraph, and what read them: `tesseract 5.3.0`."""

    words: str
    by: str


class _Unread(Exception):
    """Why an image was not read."""


def program() -> str | None:
    """Return where the program is, None where this machine has none."""
    return shutil.which(PROGRAM)


def read_words(upload: bytes) -> Reading | None:
    """Return what the image in *upload* says; None where nobody could read it, or where it is no image.

    It takes up to `SECONDS` three times over (waiting, asking for the version, reading): call it outside a transaction.
    """
    path = program()
    if path is None:
        return None
    try:
        pixels = _pixels(shown(upload))
        with _turn():
            by = _version(_said(path, "--version"))
            return Reading(_words(_said(path, "stdin", "stdout", "tsv", given=pixels)), by)
    except Refusal:
        return None
    except (_Unread, OSError) as error:
        _log.warning("the words in an image were not read", reason=str(error))
        return None


@contextmanager
def _turn() -> Iterator[None]:
    if not AT_ONCE.acquire(timeout=SECONDS):
        raise _Unread("other images are being read")
    try:
        yield
    finally:
        AT_ONCE.release()


def _pixels(image: Image.Image) -> bytes:
    """The image as the program reads it best: grey, not too small and not too large."""
    if image.mode == "RGBA":
        # On the middle grey, letters of any colour stand out from a transparent ground.
        ground = Image.new("RGBA", image.size, (_GREY, _GREY, _GREY, 255))
        image = Image.alpha_composite(ground, image)
    image = image.convert("L")
    least, most = SIDE
    if max(image.size) > most:
        image.thumbnail((most, most))
    elif max(image.size) < least:
        image = image.resize((image.width * 2, image.height * 2), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


# -- the program ---------------------------------------------------------------------------------------------------


def _said(path: str, *arguments: str, given: bytes = b"") -> str:
    """Run the program and return what it says, within `SECONDS` and `MOST_OUTPUT`."""
    with tempfile.TemporaryFile() as pixels:
        pixels.write(given)
        pixels.seek(0)
        with (
            subprocess.Popen(
                [path, *arguments],
                stdin=pixels,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            ) as process,
            _killed_in_time(process) as killed,
        ):
            assert process.stdout is not None
            output = process.stdout.read(MOST_OUTPUT + 1)
            if len(output) > MOST_OUTPUT:
                _kill(process)
                raise _Unread(f"{path} said more than {MOST_OUTPUT:,} bytes")
            code = process.wait()
    if killed.is_set():
        raise _Unread(f"{path} took more than {SECONDS:g} seconds")
    if code:
        raise _Unread(f"{path} ended with {code}")
    return output.decode(errors="replace")


@contextmanager
def _killed_in_time(process: subprocess.Popen[bytes]) -> Iterator[threading.Event]:
    killed = threading.Event()

    def end() -> None:
        killed.set()
        _kill(process)

    timer = threading.Timer(SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        yield killed
    finally:
        timer.cancel()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and whatever it started: it leads a session of its own."""
    if process.returncode is None:  # Not fetched yet, so its number is still its own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


# -- what it says --------------------------------------------------------------------------------------------------


def _version(said: str) -> str:
    found = _VERSION.match(said)
    if found is None:
        raise _Unread(f"{PROGRAM} does not say its version")
    return f"{PROGRAM} {found[1]}"


def _words(table: str) -> str:
    """The words of a table that the program is sure of, a line for each paragraph.

    In an image a line ends where large letters meet the edge, not where a sentence does.
    """
    header, *rows = table.rstrip("\n").split("\n")
    if header != _HEADER:
        raise _Unread(f"{PROGRAM} answered with no table of words")
    paragraphs = groupby(_sure(rows), key=lambda word: word[0])
    return "\n".join(" ".join(word for _, word in words) for _, words in paragraphs)[:MOST_WORDS]


def _sure(rows: list[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each word with its paragraph: page, block and number."""
    for row in rows:
        cells = row.split("\t")
        try:
            is_sure = float(cells[10]) >= SURE
            word = _UNPRINTABLE.sub("", cells[11]).strip()
        except (IndexError, ValueError) as error:
            raise _Unread(f"{PROGRAM} answered with a broken table of words") from error
        if is_sure and word:
            yield (cells[1], cells[2], cells[3]), word
