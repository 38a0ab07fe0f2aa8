"""The verifier of exports: what it accepts, and that every byte of both files counts."""

from __future__ import annotations

import ast
import io
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from export_attacks import NOTE_ATTACKS
from export_cosigned import VKEY as WITNESS
from small_exports import Export, note_over, save, smallest_export

from approval import tlog
from approval.records import verify as verifier
from approval.records.verify import Refused, main, parse_vkey, verify


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


@pytest.fixture(scope="module")
def smallest() -> tuple[bytes, bytes, str]:
    return smallest_export()


# --- what holds


def test_a_sound_export_holds_and_the_answer_says_what_was_checked(export, capsys):
    assert main([export.save(), "--vkey", export.vkey]) == 0
    said = capsys.readouterr().out
    assert f"signer: {export.vkey}\n" in said
    assert "not checked" not in said
    assert "4 entries stand in it: 0, 2-3, 5" in said
    assert "1 values open their commitments, 1 stay closed" in said
    assert "present content 3 times, and 3 times one said to be absent" in said
    assert said.endswith("The export holds.\n")


def test_without_a_key_the_answer_begins_with_the_signer_that_was_not_checked(export, capsys):
    assert main([export.save()]) == 0
    assert capsys.readouterr().out.startswith(f"signer not checked: {export.vkey}\n")


def test_another_key_exits_1(export, capsys):
    assert main([export.save(), "--vkey", export.installation.key.to_text()]) == 1
    assert "signed with another key" in capsys.readouterr().out


def test_a_key_of_the_same_name_exits_1(export):
    stranger = tlog.VerifierKey(export.log.key.name, Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert main([export.save(), "--vkey", stranger.to_text()]) == 1


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--key", "x"], ["missing.zip"], ["/"]])
def test_bad_usage_exits_2(arguments, capsys):
    try:
        code = main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    assert capsys.readouterr().err


def test_quotation_marks_that_a_shell_left_round_a_key_are_taken_off(export, capsys):
    assert main([export.save(), "--vkey", f"'{export.vkey}'"]) == 0
    assert capsys.readouterr().out.startswith("archive: ")


def test_an_old_python_is_told_so_and_not_taken_for_an_answer(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 8, 20))
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(verifier.__file__)
    assert stopped.value.code == 3 and "Python 3.9 or later" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["", "x", "a+00000000+AAAA", "a b+00000000+AAAA", "é+0+0"])
def test_a_malformed_key_exits_2(export, key, capsys):
    assert main([export.save(), "--vkey", key]) == 2
    assert "--vkey" in capsys.readouterr().err


def test_the_key_of_a_log_is_no_key_of_a_witness_and_the_other_way_round(export, capsys):
    path = export.save()
    assert main([path, "--witness", export.vkey]) == 2
    assert "--witness: the verifier key is not a witness's Ed25519 key" in capsys.readouterr().err
    assert main([path, "--vkey", WITNESS]) == 2
    assert "--vkey: the verifier key is not an Ed25519 key" in capsys.readouterr().err


def test_a_missing_note_is_named_and_exits_2(export, capsys):
    path = Path(export.save())
    (path.parent / "export.zip.note").unlink()
    assert main([str(path)]) == 2
    assert "export.zip.note" in capsys.readouterr().err


def test_the_file_that_is_shipped_runs_alone(export):
    path = export.save()
    alone = export.folder / "verify.py"
    alone.write_bytes(zipfile.ZipFile(path).read("verify.py"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(alone), path, "--vkey", export.vkey],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("The export holds.\n")


def test_it_imports_the_standard_library_alone():
    tree = ast.parse(Path(verifier.__file__).read_text("utf-8"))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or "."] if isinstance(node, ast.ImportFrom) else []
        assert all(name.split(".")[0] in sys.stdlib_module_names for name in names), names


def test_the_sums_are_those_that_sha256sum_reads(export):
    with zipfile.ZipFile(export.save()) as archive:
        archive.extractall(export.folder / "unpacked")
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=export.folder / "unpacked",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0


def test_a_renamed_pair_still_holds(export):
    path = Path(export.save())
    path.rename(export.folder / "x.zip")
    (export.folder / "export.zip.note").rename(export.folder / "x.zip.note")
    assert verify(str(export.folder / "x.zip")).holds


# --- every byte counts


def test_every_flipped_bit_of_the_smallest_export_is_refused(smallest):
    archive, note, vkey = smallest
    expected = parse_vkey(vkey)
    accepted = []
    for at in range(len(archive)):
        for bit in range(8):
            spoilt = bytearray(archive)
            spoilt[at] ^= 1 << bit
            if holds(bytes(spoilt), note, expected if bit else None):
                accepted.append((at, bit))
    assert holds(archive, note, expected)
    assert holds(archive, note, None)
    assert accepted == []


def test_every_changed_byte_of_the_note_is_refused(smallest):
    archive, note, vkey = smallest
    accepted = []
    for at in range(len(note)):
        for changed in {note[at] ^ 1 << bit for bit in range(8)} | {0x0A, 0x0B, 0x20, 0x85} - {note[at]}:
            spoilt = note[:at] + bytes([changed]) + note[at + 1 :]
            if holds(archive, spoilt, None) or (at % 9 == 0 and holds(archive, spoilt, parse_vkey(vkey))):
                accepted.append((at, changed))
    assert accepted == []


def test_every_truncation_is_refused(smallest):
    archive, note, _ = smallest
    for length in range(0, len(archive), 7):
        assert not holds(archive[:length], note, None)
    for length in range(len(note)):
        assert not holds(archive, note[:length], None)


def holds(archive: bytes, note: bytes, expected: Any) -> bool:
    report = verifier.Report()
    try:
        verifier.check_export(io.BytesIO(archive), note, verifier.Brought(expected), report)
    except (Refused, *verifier.BROKEN_ARCHIVE):
        return False
    return report.holds


def test_a_verifier_of_the_members_alone_accepts_flipped_bits(smallest):
    """The negative control: what the outer note is for."""
    archive, _, _ = smallest
    accepted = 0
    for at in range(0, len(archive), 5):
        spoilt = bytearray(archive)
        spoilt[at] ^= 1
        accepted += members_hold(bytes(spoilt))
    assert accepted > len(archive) // 100


def members_hold(data: bytes) -> bool:
    report = verifier.Report()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            manifest = verifier.read_manifest(archive)
            verifier.check_sums(archive, report)
            verifier.check_log(archive, manifest["logs"][0], {}, report, verifier.Brought())
    except Exception:
        return False
    return report.holds


@pytest.mark.parametrize("attack", NOTE_ATTACKS.values(), ids=NOTE_ATTACKS)
def test_a_spoilt_note_is_refused(smallest, attack, tmp_path):
    archive, note, vkey = smallest
    assert attack(note) != note
    path = save(tmp_path, archive, attack(note))
    assert not verify(path).holds
    assert not verify(path, vkey).holds


def test_a_checkpoint_is_no_note_of_an_export(export):
    path = export.save()
    Path(f"{path}.note").write_bytes(export.members["logs/northwind/checkpoint"])
    assert not verify(path, export.vkey).holds


def test_the_note_of_another_export_is_refused(export, smallest):
    path = export.save()
    Path(f"{path}.note").write_bytes(smallest[1])
    assert not verify(path).holds


def test_another_logs_key_may_not_sign_the_export(export):
    archive = export.archive()
    path = save(export.folder, archive, note_over(archive, export.installation))
    report = verify(path)
    assert "signed with another key" in report.failures[0]
