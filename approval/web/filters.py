"""How templates write instants and digests."""

from __future__ import annotations

from flask import Flask

from approval.clock import day as day, local as local


def short(digest: bytes | str, length: int = 12) -> str:
    """Write the beginning of a digest in hexadecimal."""
    return (digest.hex() if isinstance(digest, bytes) else digest)[:length]


def install(app: Flask) -> None:
    """Give the templates of *app* the filters `local`, `day` and `short`."""
    for function in (local, day, short):
        app.add_template_filter(function)
    # The macros of the shell set attributes with {% do %}.
    app.jinja_env.add_extension("jinja2.ext.do")
