"""Archives that are soundly signed and do not hold: a signer who lies, and archives that are not plain."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from export_attacks import ACCEPTED, FLIPPED, Given, flipped, refused, truncations
from export_kept import UNREADABLE, UNTOLD, beside_gaps
from export_lies import reopened
from small_exports import Export, Log, manifest_of, note_over, save, sums_of, zipped

from approval.records import verify as verifier
from approval.records.verify import main, verify


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


REFUSED = refused()


def asked(folder: Path, given: Given) -> verifier.Report:
    return verify(save(folder, given.archive, given.note), given.key, witnesses=given.witnesses, kept=given.kept)


# --- the table that both verifiers answer


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_an_export_that_is_not_what_it_says_is_refused_by_name(tmp_path, make, reason):
    report = asked(tmp_path, make())
    assert not report.holds
    assert reason in "\n".join(report.failures)
    assert "The export does NOT hold" in report.to_text()


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED)
def test_an_export_that_is_what_it_says_is_accepted(tmp_path, make):
    assert asked(tmp_path, make()).failures == []


def test_lines_of_a_witness_whose_key_nobody_brings_are_said_and_refuse_nothing(tmp_path):
    for name in ("damaged", "by a namesake"):
        given = replace(REFUSED[f"not cosigned: {name}"][0](), witnesses=())
        report = asked(tmp_path, given)
        assert report.holds and "not checked, lines of auditor.example; give their keys" in report.to_text()
    report = asked(tmp_path, ACCEPTED["cosigned: both logs"]())
    assert "log northwind: 6 entries were cosigned by auditor.example at 2027-01-01 00:00:00 UTC" in report.to_text()
    assert "not checked, lines" not in report.to_text()


@pytest.mark.parametrize("name", [name for name in REFUSED if name.startswith("kept: ")])
def test_control_what_contradicts_a_kept_checkpoint_is_sound_in_itself(tmp_path, name):
    assert asked(tmp_path, replace(REFUSED[name][0](), kept=())).exit_code == 0


def test_a_contradiction_names_the_size_and_both_roots(tmp_path):
    given = REFUSED["kept: an entry was written anew"][0]()
    ((_, note),) = given.kept
    (said,) = asked(tmp_path, given).failures
    roots = (data.decode().split("\n")[2] for data in (note, Given(*beside_gaps(8)).kept[0][1]))
    assert "the first 8 entries of the log northwind" in said
    assert all(root in said for root in roots), "the one that was signed then, and the one that is here"


def test_every_kept_checkpoint_is_answered_for(tmp_path):
    report = asked(tmp_path, ACCEPTED["kept: at every size that entries and proof reach"]())
    assert len([each for each in report.findings if each.startswith("kept kept-")]) == 10
    assert (report.unsettled, report.exit_code) == ([], 0)


@pytest.mark.parametrize(("make", "says"), UNTOLD.values(), ids=UNTOLD)
def test_what_an_export_cannot_tell_is_said_and_never_passes(tmp_path, make, says):
    report = asked(tmp_path, Given(*make()))
    assert (report.failures, report.exit_code) == ([], 3)
    assert says in "\n".join(report.unsettled)
    assert "It does NOT show whether it continues what you kept:\n- kept kept-" in report.to_text()


@pytest.mark.parametrize("spoil", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_signed_checkpoint_is_named_and_nothing_is_judged(tmp_path, spoil, capsys):
    given = Given(*beside_gaps(4))
    path, kept = save(tmp_path, given.archive, given.note), tmp_path / "kept"
    kept.write_bytes(given.kept[0][1])
    assert main([path, "--kept", str(kept)]) == 0, "the control: as it was handed out"
    assert "still those" in capsys.readouterr().out
    kept.write_bytes(spoil(given.kept[0][1]))
    assert main([path, "--kept", str(kept)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"--kept {kept}: ")


def test_a_missing_kept_checkpoint_is_named_and_one_question_too_many_is_none_too_few(tmp_path, capsys):
    given = Given(*beside_gaps(4, 6))
    path = save(tmp_path, given.archive, given.note)
    kept = [str(tmp_path / name) for name, _ in given.kept]
    for name, (_, data) in zip(kept, given.kept, strict=True):
        Path(name).write_bytes(data)
    assert main([path, "--kept", kept[0], "--kept", kept[1]]) == 3
    assert main([path, "--kept", f"{kept[0]}-missing"]) == 2
    assert "kept-0-missing" in capsys.readouterr().err


def test_the_answer_says_what_nobody_can_tell_from_the_files(tmp_path):
    whole = asked(tmp_path, ACCEPTED["filtered, with erased values, an absent content and two logs"]())
    assert "not compared with the entries: pages, tables and definitions" in whole.to_text()
    more = asked(tmp_path, ACCEPTED["with other posts beside"]())
    assert "limited to" not in whole.to_text() + more.to_text()
    assert "stay closed (erased or withheld), first met in the entries 2 (posts.revised)" in whole.to_text()
    for name, what in (("limited to some posts", "posts"), ("limited to nobody knows what", "things")):
        warning = asked(tmp_path, ACCEPTED[name]()).warnings[-1]
        assert warning.startswith(f"limited to some {what}: nobody can tell")


@pytest.mark.parametrize("make", truncations().values(), ids=truncations())
def test_a_truncated_export_is_refused(tmp_path, make):
    (why,) = asked(tmp_path, make()).failures
    assert why.startswith(("note: it is not of this archive", "archive: "))


def test_none_of_the_bits_flipped_for_both_verifiers_is_accepted(tmp_path):
    assert [asked(tmp_path, given).holds for given in flipped()] == [False] * FLIPPED


def test_a_time_in_the_future_or_no_time_at_all_is_said_and_refuses_nothing(tmp_path):
    future, unknown, known = (
        asked(tmp_path, ACCEPTED[name]()) for name in ("from the future", "of no known time", "of a known time")
    )
    assert "warning: by this computer's clock it was written in the future" in future.to_text()
    assert "warning: generated_at is not a time: 'yesterday'" in unknown.to_text()
    assert "warning" not in known.to_text()


def test_time_that_runs_backwards_is_said_and_overlap_is_not(tmp_path):
    back, overlap, odd = (
        asked(tmp_path, ACCEPTED[f"with {name}"]())
        for name in ("time that runs backwards", "transactions that overlap", "a month that no calendar has")
    )
    assert "warning: log northwind: time runs backwards at the entries 7: a clock was set" in back.to_text()
    assert "backwards" not in overlap.to_text() + odd.to_text()


def test_the_log_rebuilt_for_a_lie_would_hold_without_it(export):
    reopened(export)
    assert verify(export.save(), export.vkey).failures == []


# --- archives that are not plain


@pytest.mark.parametrize("name", ["archive: bomb", "archive: lying-about-its-size", "more-faults-than-are-told"])
def test_what_unpacks_to_much_is_refused_in_little_memory(tmp_path, name):
    given = REFUSED[name][0]()
    path = save(tmp_path, given.archive, given.note)
    tracemalloc.start()
    assert not verify(path, given.key).holds
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_too_many_members_are_refused(export, monkeypatch):
    monkeypatch.setattr(verifier, "MAX_MEMBERS", 3)
    assert "more than 3 members" in verify(export.save()).failures[0]


def test_a_member_that_lies_about_its_size_is_refused(export):
    data = bytearray(export.archive())
    at = data.index(b"PK\x01\x02")
    size = int.from_bytes(data[at + 24 : at + 28], "little")
    data[at + 24 : at + 28] = (size - 1).to_bytes(4, "little")
    assert not verify(export.save(bytes(data))).holds


def test_what_the_export_says_cannot_write_to_the_terminal(export, capsys):
    export.manifest["zone"] = "\x1b[2J\u202e"
    assert main([export.save()]) == 0
    said = capsys.readouterr().out
    assert said.isascii()
    assert "\x1b" not in said


def test_a_long_log_is_verified_in_constant_memory(tmp_path):
    peaks = []
    for size in (1_000, 4_000):
        path = long_export(tmp_path, size)
        tracemalloc.start()
        assert verify(path).failures == []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2


def long_export(folder: Path, size: int) -> str:
    log = Log("long")
    for number in range(size - 1):
        log.append("posts.created", request=str(number))
    members = log.members() | {"manifest.json": json.dumps(manifest_of(log)).encode()}
    archive = zipped({**members, "SHA256SUMS": sums_of(members)})
    return save(folder, archive, note_over(archive, log))
