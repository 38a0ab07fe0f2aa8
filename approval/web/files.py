"""Files handed out: kept by the browser, or images that it shows and of which it runs nothing."""

from __future__ import annotations

import mimetypes

from flask import Response

from approval.errors import NotFound

# What people uploaded never runs, whatever a browser takes it for.
INERT = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_YEAR = 31_536_000


def attached(data: str | bytes, name: str, kind: str = "application/octet-stream") -> Response:
    """Return *data* as a file of this name and media type."""
    response = Response(data, mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def digest_in(address: str) -> bytes:
    """Return the SHA-256 by which an address names an image; NotFound where it is none in its one form."""
    try:
        digest = bytes.fromhex(address)
    except ValueError:
        digest = b""
    if len(digest) != 32 or digest.hex() != address:
        raise NotFound("There is no such image, or none that you may see.")
    return digest


def image(data: bytes, kind: str, *, digest: bytes) -> Response:
    """Return an image of this media type, whose address names its *digest*, so that it never changes."""
    headers = {
        "Cache-Control": f"private, max-age={_YEAR}, immutable",
        "Content-Security-Policy": INERT,
        "Content-Disposition": f'inline; filename="{digest.hex()[:12]}{mimetypes.guess_extension(kind) or ""}"',
    }
    return Response(data, mimetype=kind, headers=headers)
