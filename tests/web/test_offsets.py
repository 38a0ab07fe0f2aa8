"""One script converts the browser's UTF-16 offsets to the server's code points, and back."""

import json
import shutil
import subprocess
from pathlib import Path

MODULE = Path(__file__).parents[2] / "static" / "js" / "offsets.js"
TEXTS = ["", "abc", "é文", "👨‍👩‍👧‍👦", "a😷b\n😷", "\ud800a", "😷" * 3 + "\udc00"]

SCRIPT = """
const { toCodePoints, toUtf16 } = await import(process.argv[1]);
const texts = JSON.parse(process.argv[2]);
console.log(JSON.stringify(texts.map((text) => {
  const all = Array.from({ length: text.length + 3 }, (_, at) => at);
  return [all.map((at) => toCodePoints(text, at)), all.map((at) => toUtf16(text, at))];
})));
"""


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_offsets_agree_with_pythons() -> None:
    node = shutil.which("node")
    assert node, "node is needed to run static/js outside a browser"
    ran = subprocess.run(
        [node, "--input-type=module", "--eval", SCRIPT, MODULE.as_uri(), json.dumps(TEXTS)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    for text, (points, utf16) in zip(TEXTS, json.loads(ran.stdout), strict=True):
        starts = [units(text[:n]) for n in range(len(text) + 1)]
        for at, answer in enumerate(points):
            assert answer == max(n for n, start in enumerate(starts) if start <= at), (text, at)
        for n, answer in enumerate(utf16):
            assert answer == starts[min(n, len(text))], (text, n)
