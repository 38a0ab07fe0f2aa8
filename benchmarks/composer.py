"""How long the composer waits for the findings under the words that are being typed, beside an empty page.

Usage: python benchmarks/composer.py [--answers 200]. The question is the one that the composer sends after each pause,
through the whole application in this process, on SQLite, with a text of 1,500 characters that is another one each
time. Times are milliseconds of server time; the target is 50.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from doors import PASSWORD, Browser, give_passwords
from factories import Firm, a_firm
from pages import empty
from texts import generated

from approval import settings as environment
from approval.app import create_app
from approval.audit.models.keys import Keys
from approval.db import connect, schema

CHARACTERS = 1_500
TARGET = 50
WARM = 20


def asking(browser: Browser, firm: Firm, questions: int) -> Callable[[], int]:
    """Ask for the findings of the next text, as `static/js/asking.js` does; return how many there are."""
    texts = [text[:CHARACTERS] for text, _ in generated(questions, least=CHARACTERS)]
    token = browser.get("/api/v1/me").json["csrf_token"]
    address, numbers = f"/api/v1/check?workspace={firm.workspace}", count()

    def ask() -> int:
        body = {"text": texts[next(numbers)], "channel": "linkedin", "regime": "us-bank", "product": "fund"}
        answer = browser.client.post(address, json=body, headers={"X-CSRFToken": token, "Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        return len(answer.json["findings"])

    return ask


def milliseconds(act: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Ask and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=200)
    answers = parser.parse_args().answers
    with tempfile.TemporaryDirectory(prefix="approval-bench-") as folder:
        settings = environment.load({"APPROVAL_DATA": folder})
        schema.upgrade(settings.database_url)
        connect(settings.database_url)
        firm = a_firm(Keys(settings.keys))
        give_passwords()
        app = create_app(settings)
        app.add_url_rule("/empty", view_func=empty)
        browser = Browser(app.test_client())
        browser.sign_in(firm.marketer.email, PASSWORD)
        ask = asking(browser, firm, 1 + WARM + answers)
        first = milliseconds(ask)
        found = [ask() for _ in range(WARM)]
        took: dict[str, list[float]] = {"empty page": [], f"check of {CHARACTERS:,} characters": []}
        for _ in range(answers):
            for times, act in zip(took.values(), (lambda: browser.get("/empty"), ask), strict=True):
                times.append(milliseconds(act))
    for name, times in took.items():
        p95 = statistics.quantiles(times, n=20)[18]
        print(f"{name}: p50 {statistics.median(times):.1f} ms, p95 {p95:.1f} ms, of {answers}")
    print(f"{statistics.fmean(found):.1f} findings a text; target {TARGET} ms; the first answer took {first:.0f} ms")


if __name__ == "__main__":
    main()
