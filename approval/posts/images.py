"""Uploads: what kind of file it really is, and an image made anew from what it shows. Bytes in, bytes out.

Images are decoded in full and encoded again, so that metadata, places and anything appended stay behind
(OWASP ASVS 5.0.0, 5.2). Everything is bounded before it is decoded.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from PIL import Image, ImageCms, ImageOps

from approval.errors import BadFile, Problem, TooLarge

MOST_MEDIA_BYTES = 15 * 1024 * 1024
MOST_EVIDENCE_BYTES = 20 * 1024 * 1024
MOST_PIXELS = 40_000_000
MOST_SIDE = 16_384

_MAGIC = (
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("application/pdf", re.compile(rb"%PDF-[12]\.[0-9]")),
)
_DECODER = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
_OTHERS = (
    ("a ZIP archive", re.compile(rb"PK\x05\x06")),
    ("a PDF", re.compile(rb"%PDF-[12]\.[0-9]")),
    ("a web page or script", re.compile(rb"<(?:script|html|svg|iframe)[\s>/]|<\?php", re.IGNORECASE)),
    ("a program", re.compile(rb"\A(?:MZ|\x7fELF|#!)")),
)
_LIKELY = {b"PK\x03\x04": "a ZIP archive", b"MZ": "a program", b"\x7fELF": "a program", b"BM": "a BMP image"}
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


@dataclass(frozen=True)
class Picture:
    """An image as it will be published. `kind` is its media type; width and height are in pixels."""

    kind: str
    width: int
    height: int
    data: bytes


def kind_of(data: bytes) -> str | None:
    """Return the media type that the first bytes name, None where it is none that this program takes."""
    return next((kind for kind, magic in _MAGIC if magic.match(data)), None)


def read_image(data: bytes) -> Picture:
    """Return the image in *data*, encoded anew; BadFile or TooLarge says why not."""
    image, kind = shown(data), kind_of(data)
    kind = "image/png" if kind in (None, "image/gif") else kind
    encoded = _encoded(image, kind)
    if len(encoded) > MOST_MEDIA_BYTES:
        raise TooLarge("This image becomes larger than 15 MB when it is saved. Save it smaller, or as JPEG.")
    return Picture(kind, image.width, image.height, encoded)


def shown(data: bytes) -> Image.Image:
    """Return what the image in *data* shows, upright and in sRGB; BadFile or TooLarge says why it is not taken."""
    _ensure_size(data, MOST_MEDIA_BYTES)
    kind = _ensure_kind(data, tuple(_DECODER), "a JPEG, PNG, WebP or still GIF image")
    _ensure_nothing_else(data, kind)
    return _decoded(data, kind)


def ensure_evidence(data: bytes) -> str:
    """Return the media type of a file of evidence; BadFile or TooLarge says why it cannot be taken."""
    _ensure_size(data, MOST_EVIDENCE_BYTES)
    kind = _ensure_kind(data, ("application/pdf", "image/png", "image/jpeg"), "a PDF, PNG or JPEG file")
    if kind == "application/pdf":
        if b"%%EOF" not in data[-2048:]:
            raise _bad("This PDF is cut off: its end is missing. Save it again.")
    else:
        _ensure_nothing_else(data, kind)
        _decoded(data, kind)
    return kind


def _bad(what: str) -> BadFile:
    return BadFile(what, problems=(Problem("file", what),))


def _ensure_size(data: bytes, most: int) -> None:
    if len(data) > most:
        megabytes = most // (1024 * 1024)
        raise TooLarge(f"This file has {len(data):,} bytes; at most {megabytes} MB ({most:,} bytes) are taken.")
    if not data:
        raise _bad("This file is empty.")


def _ensure_kind(data: bytes, taken: tuple[str, ...], words: str) -> str:
    kind = kind_of(data)
    if kind in taken:
        return kind
    found = kind or next((name for magic, name in _LIKELY.items() if data.startswith(magic)), None)
    what = f"This is {found}, not {words}." if found else f"This is not {words}, whatever its name says."
    raise _bad(what)


def _ensure_nothing_else(data: bytes, kind: str) -> None:
    """Refuse a polyglot by name: an image that another program would open as something else."""
    for name, magic in _OTHERS:
        if magic.search(data):
            raise _bad(f"This image is also {name}. Open it in an image program and save it again.")
    if kind == "image/png" and not data.rstrip(b"\x00").endswith(_PNG_END.rstrip(b"\x00")):
        end = "Something is appended to this PNG" if _PNG_END in data else "This PNG is cut off: its end is missing"
        raise _bad(f"{end}. Open it in an image program and save it again.")


def _decoded(data: bytes, kind: str) -> Image.Image:
    """Decode one still image in full, upright and in sRGB."""
    try:
        with Image.open(io.BytesIO(data), formats=[_DECODER[kind]]) as image:
            _ensure_bounded(image)
            # A JPEG of several pictures is a photograph with its preview or depth; the first is the photograph.
            if kind != "image/jpeg" and getattr(image, "is_animated", False):
                raise _bad("Moving images are not taken. Save one frame as PNG or JPEG.")
            image.load()
            return _plain(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except BadFile:
        raise
    except Exception as error:  # Decoders raise whatever a broken file makes them raise.
        raise _bad("This image is broken or cut off. Open it in an image program and save it again.") from error


def _ensure_bounded(image: Image.Image) -> None:
    # Pillow only warns from 89.5 million pixels on and refuses at twice that; the header says it before decoding.
    if image.width * image.height > MOST_PIXELS or max(image.size) > MOST_SIDE:
        raise _too_many_pixels()


def _too_many_pixels() -> BadFile:
    return _bad(
        f"This image has too many pixels: at most {MOST_PIXELS // 1_000_000} million, and {MOST_SIDE:,} along a side."
    )


def _plain(image: Image.Image) -> Image.Image:
    """The pixels alone: in sRGB, without profile, comments or place."""
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    mode = "RGBA" if transparent else "L" if image.mode in ("1", "L") else "RGB"
    if (profile := image.info.get("icc_profile")) and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # A broken profile says nothing about the colours: they are taken as they are.
    image = image.convert(mode)
    plain = Image.new(image.mode, image.size)
    plain.paste(image)
    return plain


def _encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    match kind:
        case "image/jpeg":
            image.save(out, "JPEG", quality=90, optimize=True)
        case "image/webp":
            image.save(out, "WEBP", quality=90)
        case _:
            image.save(out, "PNG")
    return out.getvalue()
