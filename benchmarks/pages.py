"""Server time of the task list and of a post's page with many posts in review, beside the signed-in empty page.

Usage: python benchmarks/pages.py [--posts 2000]. Everything runs in this process, on SQLite, through the whole
application; the empty page has the rail and the banners of every page, and nothing else. Times are milliseconds of
server time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from doors import PASSWORD, Browser, give_passwords
from factories import Firm, a_firm, a_post_in_review
from flask import render_template_string
from sqlalchemy import func, select

from approval import settings as environment
from approval.app import create_app
from approval.audit.models.keys import Keys
from approval.db import connect, reading, schema, transaction
from approval.posts.models import Post
from approval.web.identity import signed_in

WARM, LOOKS = 10, 300
TOGETHER = 20


def fill(firm: Firm, posts: int) -> None:
    """Submit *posts* posts for review, through the services."""
    for start in range(0, posts, TOGETHER):
        with transaction() as session:
            for number in range(start, min(start + TOGETHER, posts)):
                words = f"Branch {number} opens at nine from Monday."
                a_post_in_review(session, firm, words)


@signed_in
def empty() -> str:
    """Show what stands around every page."""
    return render_template_string('{% extends "base.html" %}')


def look(browser: Browser, paths: dict[str, str]) -> dict[str, list[float]]:
    """Ask for each page in turn, again and again; return how long each answer took."""
    took: dict[str, list[float]] = {name: [] for name in paths}
    for number in range(WARM + LOOKS):
        for name, path in paths.items():
            begin = time.perf_counter()
            answer = browser.get(path)
            if number >= WARM:
                took[name].append((time.perf_counter() - begin) * 1000)
            assert answer.status_code == 200, path
    return took


def main() -> None:
    """Fill, look, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=1000)
    posts = parser.parse_args().posts
    with tempfile.TemporaryDirectory(prefix="approval-bench-") as folder:
        settings = environment.load({"APPROVAL_DATA": folder})
        schema.upgrade(settings.database_url)
        connect(settings.database_url)
        firm = a_firm(Keys(settings.keys))
        fill(firm, posts)
        give_passwords()
        app = create_app(settings)
        app.add_url_rule("/empty", view_func=empty)
        with reading() as session:
            newest = session.scalar(select(func.max(Post.id)))
        browser = Browser(app.test_client())
        browser.sign_in(firm.reviewer.email, PASSWORD)
        found = look(browser, {"empty": "/empty", "tasks": "/tasks", "post": f"/posts/{newest}"})
    base = statistics.quantiles(found["empty"], n=20)[18]
    for name, took in found.items():
        p95 = statistics.quantiles(took, n=20)[18]
        above = "" if name == "empty" else f", {p95 - base:+.1f} above the empty page"
        print(f"{name} with {posts} posts in review: median {statistics.median(took):.1f} ms, p95 {p95:.1f} ms{above}")


if __name__ == "__main__":
    main()
