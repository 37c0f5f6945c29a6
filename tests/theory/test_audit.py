"""The audit: one entry per statement, confirmed anew, and the page that is generated from it."""

import json
import re
from pathlib import Path

import pytest

from gapdyn import cli
from gapdyn.theory import audit, certificates
from gapdyn.theory.evidence import Evidence

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
QUICK = "lemma-3.1-order"


@pytest.fixture(scope="module")
def entries():
    return audit.run()


def test_every_verdict_is_confirmed(entries):
    assert [entry.id for entry in entries if not entry.confirmed] == []


PROMISED = """
parallel-objective gap-at-least global-optimum gradient-of-loss gradient-heights gradient-flow
lemma-3.1-ratio lemma-3.1-equal-rows lemma-3.1-integral lemma-3.1-order lemma-3.1-prevents figure-2
figure-2-curves lemma-b.1-a lemma-b.1-b theorem-3.2 theorem-3.2-all-times theorem-3.2-zero-height
theorem-3.2-threshold-display theorem-3.2-c2 theorem-3.2-last-line theorem-3.2-sketch
theorem-3.2-gap theorem-3.2-impractical theorem-3.2-mismatched theorem-3.2-essential figure-4a
figure-1 lemma-b.2 lemma-b.3 theorem-3.3-entries theorem-3.3-bound theorem-3.3-bound-gamma
theorem-3.3-step theorem-3.3-limit theorem-3.3-recurrence theorem-3.3-d3 theorem-3.3-large-beta
theorem-3.3-gaussian theorem-3.3-before-training figure-4b appendix-c-linear-beta appendix-c-linear
appendix-c-schedule appendix-c-constant appendix-c-quickly appendix-c-linear-schedule
section-4.1-outpaces section-4.1-softplus section-4.1-slrt figure-5 figure-6a figure-6b figure-7a
figure-7b table-1 appendix-d-schedule appendix-d-slrt appendix-d-swapping appendix-f-rows
appendix-f-normalization slips-of-the-pen exchange-law exchange-law-rates exchange-law-parallel
exchange-law-level exchange-law-log-time exchange-law-saddle exchange-law-random swapping-bounds
swapping-exponent swapping-segments family-tied family-untied family-slrt family-rates family-adam
family-softplus theorem-3.2-two-sided theorem-3.2-sharp-constant theorem-3.2-any-time
theorem-3.2-extremal theorem-3.2-sharp-threshold theorem-3.2-theta margin-at-most
gap-velocity-ratio theorem-3.3-sharper best-temperature appendix-c-cross-entropy closing-times
clamp landscape
"""


def test_every_statement_has_its_entry(entries):
    """The statements that the project promises to audit."""
    ids = [entry.id for entry in entries]
    assert sorted(ids) == sorted(PROMISED.split())
    places = " ".join(entry.where for entry in entries)
    for place in ("Lemma 3.1", "Theorem 3.2", "Theorem 3.3", "Lemma B.1", "Lemma B.2", "Lemma B.3"):
        assert place in places
    for place in ("Appendix C", "Figure 2", "Introduction", "Section 4.1", "Appendix F"):
        assert place in places
    for number in range(3, 15):
        assert number in (4,) or f"({number})" in places, number
    for section in range(1, 10):
        assert f"Theory 3.{section}" in places
    assert {entry.verdict for entry in entries} == set(audit.SAID)


def test_every_claim_of_the_paper_has_its_page_or_those_of_the_slips(entries):
    for entry in entries:
        assert re.search(r"pp?\. \d", entry.where) or entry.where.startswith(
            ("Theory", "Throughout")
        )


def test_what_fails_as_printed_is_certified_and_nothing_is_certified_that_holds(entries):
    pytest.importorskip("flint", reason="the extra certify is not installed")
    for entry in entries:
        if entry.verdict == audit.FAILS:
            assert entry.certificate is not None, entry.id
        if entry.certificate is not None:
            assert entry.verdict in (audit.FAILS, audit.NO_INFERENCE), entry.id
            assert float(entry.certificate.lower) <= float(entry.certificate.upper)


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
    monkeypatch.setattr(audit, "STATEMENTS", (statement,))
    monkeypatch.setattr(certificates, "available", lambda: True)
    (entry,) = audit.run()
    assert not entry.confirmed and "not certain" in entry.evidence


def test_the_page_is_what_the_audit_says_now(entries):
    assert PAGE.read_text(encoding="utf-8") == audit.markdown(entries), (
        "run: gapdyn verify --markdown"
    )


def test_what_random_evidence_says_names_its_seed(entries):
    for entry in entries:
        assert ("random" in entry.evidence or "draws" in entry.evidence) <= (
            "seed" in entry.evidence
        )


def test_a_certificate_as_json_says_what_is_enclosed_between_which_ends(capsys):
    pytest.importorskip("flint", reason="the extra certify is not installed")
    assert cli.main(["verify", "--json", "--id", "theorem-3.2-c2"]) == 0
    certificate = json.loads(capsys.readouterr().out)[0]["certificate"]
    assert list(certificate) == ["enclosed", "lower", "upper"]
    assert all(isinstance(part, str) for part in certificate.values())
    assert float(certificate["lower"]) < 0.0438384660 and float(certificate["upper"]) > 0.0438384658


def test_entries_as_json_have_the_promised_keys(capsys):
    assert cli.main(["verify", "--json", "--id", QUICK]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert list(entry) == ["id", "where", "claim", "verdict", "evidence", "certificate"]
    assert entry["id"] == QUICK and entry["verdict"] == "fails as printed"


def test_one_entry_in_full(capsys):
    assert cli.main(["verify", "--id", QUICK]) == 0
    shown = capsys.readouterr().out
    for name in ("id", "where", "claim", "verdict", "evidence"):
        assert f"\n{name} " in f"\n{shown}"
    assert "|R|β³" in shown


def test_an_unknown_id_is_refused_with_the_known_ones(capsys):
    assert cli.main(["verify", "--id", "lemma-9"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("gapdyn verify: error: id must be one of") and shown.count("\n") == 1
    assert "lemma-b.3" in shown or "lemma-b.2" in shown


def test_the_page_is_of_all_statements_at_their_default(capsys):
    for option in (["--id", QUICK], ["--full"]):
        assert cli.main(["verify", "--markdown", *option]) == 2
        assert "--markdown is the page of all statements" in capsys.readouterr().err
    with pytest.raises(TypeError, match="ids must be a sequence of ids"):
        audit.run(ids=QUICK)


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
    monkeypatch.setattr(audit, "STATEMENTS", (sound, *wrong))
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
        assert total.startswith("3 statements") and "2 contradicted" in total


def test_full_draws_more(monkeypatch):
    asked = []
    statement = audit.STATEMENTS[0]._replace(
        check=lambda full: Evidence(not asked.append(full), "seen")
    )
    monkeypatch.setattr(audit, "STATEMENTS", (statement,))
    audit.run()
    audit.run(full=True)
    assert asked == [False, True]


def test_forms_exclude_each_other(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["verify", "--json", "--markdown"])
    assert stop.value.code == 2
    assert "not allowed with" in capsys.readouterr().err
