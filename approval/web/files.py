"""Files handed out: kept by the browser, never shown as pages of this server."""

from __future__ import annotations

from flask import Response


def attached(data: str | bytes, name: str, kind: str = "application/octet-stream") -> Response:
    """Return *data* as a file of this name and media type."""
    response = Response(data, mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
