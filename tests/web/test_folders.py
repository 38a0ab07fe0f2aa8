from __future__ import annotations

import pytest

from approval.settings import shipped


@pytest.mark.parametrize(("folder", "file"), [("templates", "base.html"), ("static", "css/theme.css")])
def test_the_shipped_folders_are_found(folder, file):
    assert (shipped(folder) / file).is_file()
