"""The audit: one entry per statement, confirmed anew, and the page that is generated from it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import Own, interrupted

import gapdyn as gd
from gapdyn import cli
from gapdyn.theory import audit, certificates
from gapdyn.theory.audit import runner
from gapdyn.theory.audit.record import Evidence

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
QUICK = "lemma-3.1-order"


def test_every_verdict_is_confirmed_and_the_page_is_what_the_audit_says_now():
    entries = audit.run()
    assert [entry.id for entry in entries if not entry.confirmed] == []
    assert PAGE.read_text(encoding="utf-8") == audit.markdown(entries), (
        "run: gapdyn verify --markdown"
    )


def test_no_claim_is_lost_between_its_module_the_record_and_the_page():
    sources = [file.read_text() for file in Path(audit.__file__).parent.glob("*.py")]
    written = re.findall(r'^@statement\(\s*"(.+?)"', "\n".join(sources), re.MULTILINE)
    ids = [statement.id for statement in audit.STATEMENTS]
    assert sorted(written) == sorted(ids) and len(set(ids)) == len(ids)
    assert re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == ids


def test_the_record_covers_every_equation_of_the_paper_and_every_section_of_theory_part_3():
    """And every lemma, theorem and remark of the paper, by `test_docs.py`."""
    places = " ".join(statement.where for statement in audit.STATEMENTS)
    for number in (3, *range(5, 15)):  # (1), (2) and (4) are definitions
        assert f"({number})" in places, number
    for section in range(1, 10):
        assert f"Theory 3.{section}" in places
    assert {statement.verdict for statement in audit.STATEMENTS} == set(audit.SAID)


def test_every_claim_of_the_paper_has_its_page_or_those_of_the_slips():
    for statement in audit.STATEMENTS:
        assert re.search(r"pp?\. \d|^Theory|^Field|^Throughout", statement.where), statement.id


def test_what_fails_as_printed_is_certified_and_nothing_is_certified_that_holds():
    for statement in audit.STATEMENTS:
        if statement.verdict == audit.FAILS:
            assert statement.certify is not None, statement.id
        if statement.certify is not None:
            assert statement.verdict in (audit.FAILS, audit.NO_INFERENCE), statement.id


def test_without_python_flint_nothing_fails_and_entries_say_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(certificates, "available", lambda: False)
    assert cli.main(["verify", "--id", QUICK]) == 0
    assert "\ncertificate install gapdyn[certify]" in capsys.readouterr().out
    assert cli.main(["verify", "--json", "--id", QUICK]) == 0
    assert json.loads(capsys.readouterr().out)[0]["certificate"] is None


def test_a_certificate_that_is_not_certain_contradicts(monkeypatch):
    def doubtful():
        raise ArithmeticError("not certain")

    statement = audit.STATEMENTS[0]._replace(certify=doubtful)
    monkeypatch.setattr(runner, "STATEMENTS", (statement,))
    monkeypatch.setattr(certificates, "available", lambda: True)
    (entry,) = audit.run()
    assert not entry.confirmed and "not certain" in entry.evidence


def test_what_random_evidence_says_names_its_seed():
    page = PAGE.read_text(encoding="utf-8")
    texts = re.findall(r"^\*\*(?!Certificate).+?:\*\* (.+)$", page, re.MULTILINE)
    assert len(texts) == len(audit.STATEMENTS)
    for text in texts:
        assert ("random" in text or "draws" in text) <= ("seed" in text), text


def test_an_entry_as_json_has_its_keys_and_the_ends_of_its_certificate(capsys):
    pytest.importorskip("flint", reason="the extra certify is not installed")
    assert cli.main(["verify", "--json", "--id", QUICK]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert list(entry) == ["id", "where", "claim", "verdict", "evidence", "certificate"]
    assert entry["id"] == QUICK and entry["verdict"] == "fails as printed"
    enclosed, lower, upper = (entry["certificate"][key] for key in ("enclosed", "lower", "upper"))
    assert enclosed.startswith("|R|β") and float(lower) < 2 / (1e6 - 1e-6) < float(upper)


def test_one_entry_in_full(capsys):
    assert cli.main(["verify", "--id", QUICK]) == 0
    shown = capsys.readouterr().out
    for name in ("id", "where", "claim", "verdict", "evidence"):
        assert f"\n{name} " in f"\n{shown}"
    assert "|R|β³" in shown


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        (
            "lemma-3.1",
            "lemma-3.1-ratio, lemma-3.1-equal-rows, lemma-3.1-integral, lemma-3.1-order, "
            "lemma-3.1-prevents",
        ),
        ("lemma-b.1", "lemma-b.1-a, lemma-b.1-b"),
        ("lemma-9", "lemma-b.3, lemma-b.2, lemma-b.1-b"),
        ("ξ", "parallel-objective, gap-at-least, global-optimum"),
    ],
)
def test_an_unknown_id_is_refused_with_those_that_begin_so_or_are_like_it(typed, suggested, capsys):
    assert cli.main(["verify", "--id", typed]) == 2
    assert capsys.readouterr().err == (
        "gapdyn verify: error: id must be one of docs/audit.md's, "
        f"such as {suggested}; got {typed!r}\n"
    )


def test_the_page_is_of_all_statements_at_their_default(capsys):
    for option in (["--id", QUICK], ["--full"]):
        assert cli.main(["verify", "--markdown", *option]) == 2
        assert "--markdown is the page of all statements" in capsys.readouterr().err
    with pytest.raises(TypeError, match="ids must be a sequence of ids"):
        audit.run(ids=QUICK)
    for odd in (np.array(QUICK), 5):
        with pytest.raises(TypeError, match="ids must be a sequence of ids"):
            audit.run(ids=odd)


@pytest.mark.parametrize(
    "name", ["lemma-3.1-integral", "theorem-3.2-theta", "exchange-law-random", "global-optimum"]
)
def test_more_seeds_confirm_as_well(name):
    assert [entry.confirmed for entry in audit.run(full=True, ids=[name])] == [True]


@pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"]])
def test_a_contradicted_verdict_is_exit_status_1(monkeypatch, capsys, form):
    def contradicts(full):
        return Evidence(False, "γ = 7")

    def breaks(full):
        raise ZeroDivisionError("no evidence")

    sound, *rest = audit.STATEMENTS[:3]
    wrong = [s._replace(check=c) for s, c in zip(rest, (contradicts, breaks), strict=True)]
    monkeypatch.setattr(runner, "STATEMENTS", (sound, *wrong))
    assert cli.main(["verify", *form]) == 1
    shown = capsys.readouterr()
    assert f"contradicted: {rest[0].id}, {rest[1].id}" in shown.err
    if form:
        assert "CONTRADICTS THE VERDICT: γ = 7" in shown.out
        assert "the check itself failed: ZeroDivisionError('no evidence')" in shown.out
    else:
        head, *lines, total, _ = shown.out.splitlines()
        assert head.split() == ["id", "verdict", "claim"]
        assert [line[0] for line in lines] == [" ", "!", "!"]
        assert total.startswith("Of 3 statements") and "2 contradicted" in total


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_ctrl_c_ends_the_audit_and_what_was_checked_is_printed(monkeypatch, capsys, form):
    """Within a flow, where it is an IntegrationError, and no evidence against a statement."""

    def pressed(full):
        model = Own(lambda t, y: interrupted(t) * y)
        gd.flow(model, [1.0], 9.0)

    first, second, third = audit.STATEMENTS[:3]
    chosen = first, second._replace(check=pressed), third
    monkeypatch.setattr(runner, "STATEMENTS", chosen)
    assert cli.main(["verify", *form]) == 130
    shown = capsys.readouterr()
    assert shown.err == "gapdyn verify: interrupted; statements that were checked: 1\n"
    assert first.id in shown.out
    assert second.id not in shown.out and third.id not in shown.out
    with pytest.raises(KeyboardInterrupt):
        audit.run()


def test_full_draws_more(monkeypatch):
    asked = []
    statement = audit.STATEMENTS[0]._replace(
        check=lambda full: Evidence(not asked.append(full), "seen")
    )
    monkeypatch.setattr(runner, "STATEMENTS", (statement,))
    audit.run()
    audit.run(full=True)
    assert asked == [False, True]


def test_forms_exclude_each_other(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["verify", "--json", "--markdown"])
    assert stop.value.code == 2
    assert "not allowed with" in capsys.readouterr().err
