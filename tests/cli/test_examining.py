"""`approval doctor` names the optional program that is missing, and its absence is nothing to mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from approval import settings as environment
from approval.cli.examining import examine
from approval.posts import reading


@pytest.mark.parametrize("installed", [True, False])
def test_the_doctor_says_whether_words_in_images_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed):
    monkeypatch.setenv("PATH", str(tmp_path))
    if installed:
        (tmp_path / reading.PROGRAM).write_text("#!/bin/sh\n")
        (tmp_path / reading.PROGRAM).chmod(0o755)
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    (found,) = [finding for finding in examine(loaded) if finding.check == "images"]
    assert found.state == ("ok" if installed else "note")
    assert ("tesseract-ocr" in found.detail) is not installed
