"""The commands as a user runs them, with good and bad files and options."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gapdyn as gd
from gapdyn import cli, sphere

EXAMPLE = (
    "simulate --model free --start polygon --pairs 5 --rotation 2 "
    "--gamma 0.31 --tau 0.07 --t-end 1e5 --csv run.csv"
)
TEMPERATURES = {
    "learned": "--scale 2 --rate 0.5 --max-beta 100",
    "softplus": "--rate 0.5",
    "linear": "",
    "fixed": "",
    "linear-schedule": "--tau-end 0.2",
    "cosine-schedule": "--tau-end 0.2 --period 5",
}


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_verify_prints_in_every_encoding(tmp_path, encoding):
    done = subprocess.run(
        [sys.executable, "-m", "gapdyn.cli", "verify", "--id", "lemma-3.1-order"],
        capture_output=True, cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == b""
    assert ("β" if encoding == "utf-8" else "\\u03b2") in done.stdout.decode(encoding)


def test_a_closed_pipe_is_no_error(tmp_path):
    command = f"{sys.executable} -m gapdyn.cli verify --id lemma-3.1-order | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "id          lemma-3.1-order\n" and done.stderr == ""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def features(n=6, d=4):
    return np.stack([gd.sphere.sample(n, d, 0), gd.sphere.sample(n, d, 1)])


def test_the_example_of_the_readme_writes_figure_2_without_a_bar_in_a_pipe(here):
    command = [sys.executable, "-W", "error", "-m", "gapdyn", *EXAMPLE.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    table = np.genfromtxt(here / "run.csv", delimiter=",", names=True)
    assert " ".join(table.dtype.names) == "t gap tau beta gamma margin mismatched loss"
    assert (table["t"][0], table["t"][-1]) == (0, 1e5)
    assert table["gap"][[0, -1]] == pytest.approx((0.62, 0.542), abs=1e-3)
    assert "%" not in done.stdout + done.stderr
    assert "0.54222" in done.stdout


def test_a_terminal_gets_a_progress_bar(here):
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    main, side = pty.openpty()
    termios.tcsetwinsize(side, (24, 80))
    with subprocess.Popen(
        [sys.executable, "-m", "gapdyn.cli", "simulate", "--t-end", "10"],
        stdout=subprocess.DEVNULL, stderr=side,
    ) as process:  # fmt: skip
        os.close(side)
        seen = b""
        while True:
            try:
                chunk = os.read(main, 4096)
            except OSError:  # the terminal is closed
                break
            seen += chunk
            if not chunk:
                break
        os.close(main)
        assert process.wait() == 0
    assert b"flow: 100%" in seen


ROWS = {
    "--start polygon --rotation 1 --pairs 4": 2,
    "--start random --dim 3 --seed 4 --pairs 4": 3,
}
SIZES = {f"free {rows}": 8 * d + 1 for rows, d in ROWS.items()}
SIZES |= {f"free --gamma 0.3 {rows}": 8 * (d + 1) + 1 for rows, d in ROWS.items()}
SIZES |= {f"parallel --gamma 0.3 {rows}": 8 * d + 2 for rows, d in ROWS.items()}
SIZES |= {"frozen --gamma 0.3 --alpha 0.5 --pairs 3": 2, "scalar --gamma 0.3": 2}


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("model", SIZES)
def test_every_model_runs_under_every_temperature(here, model, temperature, capsys):
    options = f"--temperature {temperature} {TEMPERATURES[temperature]} --t-end 10 --rtol 1e-6"
    command = f"simulate --model {model} {options} --csv a.csv --npz a.npz"
    assert cli.main(command.split()) == 0
    error = capsys.readouterr().err
    assert error.count("\n") == 2, error  # the two files and no complaint
    trajectory = gd.Trajectory.load("a.npz")
    assert trajectory.t[-1] == 10 and (here / "a.csv").is_file()
    assert trajectory.y.shape[1] == SIZES[model]


def test_without_options_of_the_start_it_is_figure_2(here):
    """Its largest τ is 1.0234 at t = 2.064, and at t = 1e5 its gap is 0.5406."""
    assert cli.main(["simulate", "--npz", "a.npz"]) == 0
    run = gd.Trajectory.load("a.npz")
    assert run.at(2.064).tau == pytest.approx(1.02337, abs=1e-5)
    assert run.gap[-1] == pytest.approx(gd.published.FIGURE_2.readings[-1].gap, abs=5.1e-5)
    assert cli.main(["simulate", "--pairs", "5", "--t-end", "1", "--npz", "b.npz"]) == 0
    assert gd.Trajectory.load("b.npz").gap[0] == pytest.approx(0, abs=1e-12)  # matched pentagons


@pytest.mark.parametrize(
    ("options", "loss", "bias"),
    [
        ("--start random --dim 3", gd.Sigmoid(), 0.0),
        ("--gamma 0.5 --bias plain 10", gd.Sigmoid("plain"), 10.0),
        (
            "--model parallel --gamma 0.5 --bias -10 --bias-rate 0.5",
            gd.Sigmoid(bias_rate=0.5),
            -10.0,
        ),
        ("--model frozen --gamma 0.5 --bias none", gd.Sigmoid("none"), 0.0),
    ],
)
def test_simulate_takes_the_sigmoid_loss(options, loss, bias, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = f"simulate --loss sigmoid {options} --t-end 5 --npz a.npz --csv a.csv"
    assert cli.main(command.split()) == 0
    run = gd.Trajectory.load("a.npz")
    assert run.model.objective == loss and run.bias[0] == bias
    assert ("bias" in capsys.readouterr().out) == (loss.bias != "none")
    assert Path("a.csv").read_text().splitlines()[0].endswith("bias") == (loss.bias != "none")


@pytest.mark.parametrize("model", ["free", "parallel", "frozen"])
def test_a_flow_starts_from_rows_of_a_file(here, model):
    """It is that of the library from the same rows, which the file has at other lengths."""
    X, Y = sphere.sample(6, 4, 0), sphere.sample(6, 4, 1)
    np.save("both.npy", np.stack([3 * X, Y]))
    np.savez("one.npz", X), np.savez("other.npz", Y)
    height = {} if model == "free" else {"gamma": 0.3}
    kind, rows = {
        "free": (gd.FreeModel(6, 4, gd.Learned()), (X, Y)),
        "parallel": (gd.ParallelModel(6, 4, gd.Learned()), (X, Y)),
        "frozen": (gd.FrozenModel(X @ Y.T, gd.Learned()), ()),
    }[model]
    wanted = gd.flow(kind, kind.start(*rows, tau=0.07, **height), 20.0)
    options = " --gamma 0.3" if height else ""
    for files in ("both.npy", "one.npz other.npz"):
        command = f"simulate --model {model}{options} --t-end 20 --npz a.npz --from {files}"
        assert cli.main(command.split()) == 0
        run = gd.Trajectory.load("a.npz")
        np.testing.assert_allclose(run.y[0], wanted.y[0], atol=1e-15)
        np.testing.assert_allclose(run.gap[-1], wanted.gap[-1], rtol=1e-7)


def test_rows_of_a_file_are_lifted_and_sampled_where_asked_for(here, capsys):
    X, Y = sphere.sample(9, 4, 0), sphere.sample(9, 4, 1)
    np.save("both.npy", np.stack([X, Y]))
    command = "simulate --from both.npy --sample 3 --seed 5 --gamma 0.4 --t-end 1 --npz a.npz"
    assert cli.main([*command.split(), "--pairs", "4", "--dim", "7"]) == 0
    run, error = gd.Trajectory.load("a.npz"), capsys.readouterr().err
    rows, _ = run.model.embeddings(run.y[0])
    np.testing.assert_allclose(rows[:, -1], 0.4)
    lower = rows[:, :-1] / np.sqrt(1 - 0.4**2)
    chosen = np.flatnonzero((X @ lower.T > 1 - 1e-12).any(axis=1))
    assert rows.shape == (3, 5) and chosen.size == 3
    assert "simulate: of 3 pairs drawn from 9" in error
    assert "--pairs has no effect with --model free --from" in error and "--dim has no" in error
    assert "--seed has" not in error and "--sample has" not in error
    assert cli.main(["simulate", "--sample", "3", "--t-end", "0.1", "--npz", "b.npz"]) == 0
    assert "--sample has no effect" in capsys.readouterr().err
    assert gd.Trajectory.load("b.npz").gap[0] > 0.6  # Figure 2 still
    command = "simulate --model scalar --gamma 0.1 --t-end 1 --from none.npy"
    assert cli.main(command.split()) == 0
    assert "--from has no effect" in capsys.readouterr().err


def test_simulate_takes_arrays_by_name_and_layout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, Y = sphere.sample(5, 3, 0), sphere.sample(5, 3, 1)
    np.savez("named.npz", image=X.T, text=Y.T, other=np.eye(4))
    command = "simulate --from named.npz --x image --y text --layout dn,dn --t-end 1 --npz a.npz"
    assert cli.main(command.split()) == 0
    run = gd.Trajectory.load("a.npz")
    np.testing.assert_allclose(run.model.embeddings(run.y[0]), (X, Y))


def test_an_option_without_effect_is_reported(here, capsys):
    command = "simulate --model scalar --gamma 0.3 --t-end 1 --rotation 2"
    command += " --temperature fixed --rate 2"
    assert cli.main(command.split()) == 0
    error = capsys.readouterr().err
    assert "--rotation has no effect" in error and "--rate has no effect" in error


def test_ctrl_c_leaves_the_csv_of_what_was_computed(here, capsys, monkeypatch):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # else perhaps ignored
    velocity, calls = gd.FreeModel.velocity, []

    def pressed(self, t, y, out=None):
        calls.append(t)
        if len(calls) == 200:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)  # again, in impatience
        return velocity(self, t, y, out)

    monkeypatch.setattr(gd.FreeModel, "velocity", pressed)
    command = "simulate --start random --t-end 1e5 --csv run.csv --gif run.gif --alpha 3"
    assert cli.main(command.split()) == 130
    signal.signal(signal.SIGINT, before)
    error = capsys.readouterr().err
    assert "interrupted at t = " in error and "wrote run.csv" in error
    assert "--alpha has no effect" in error and len(calls) == 200
    assert "no run.gif: interrupted" in error  # to draw it takes longer than Ctrl-C may
    table = np.genfromtxt(here / "run.csv", delimiter=",", names=True)
    assert table["t"].size > 2 and np.isfinite(table["gap"]).all()
    assert [file.name for file in here.iterdir()] == ["run.csv"]


def test_a_flow_that_fails_keeps_its_csv_and_ends_with_status_1(here, capsys, monkeypatch):
    def fails(self, t, y, out=None):
        if t > 1:
            raise ArithmeticError("broken on purpose")
        return -y

    monkeypatch.setattr(gd.ScalarModel, "velocity", fails)
    command = "simulate --model scalar --gamma 0.3 --t-end 9 --csv a.csv"
    assert cli.main(command.split()) == 1
    error = capsys.readouterr().err
    assert "broken on purpose" in error and "--method LSODA" in error
    assert ".trajectory" not in error and "method='" not in error
    assert (here / "a.csv").read_text().count("\n") > 2


@pytest.mark.parametrize(
    ("library", "here"),
    [
        ("rtol must be positive, got 0", "--rtol must be positive, got 0"),
        ("d must be at least 2, got 1", "--dim must be at least 2, got 1"),
        ("tau_low must be at most tau_high = 1", "--tau must be at most --tau-end = 1"),
        ("try another rtol, or method='LSODA'", "try another --rtol, or --method LSODA"),
        ("give it max_steps=1000000, or less", "give it --max-steps 1000000, or less"),
        ("the trajectory so far is in .trajectory", "the trajectory so far is kept"),
        ("y0 must have a finite velocity", "y0 must have a finite velocity"),
    ],
)  # fmt: skip
def test_messages_of_the_library_speak_of_the_options_of_the_command_line(library, here):
    assert cli.simulate.translate(library) == here


def test_a_clock_that_does_not_suit_the_temperature_is_refused_by_its_option(here, capsys):
    options = "--temperature cosine-schedule --tau 0.05 --tau-end 0.1 --clock"
    assert cli.main(["simulate", *options.split(), "log t"]) == 2
    refusal = "--clock must be 't', on which a CosineSchedule limits the step"
    assert capsys.readouterr().err == f"gapdyn simulate: error: {refusal}\n"


def test_a_file_that_cannot_be_written_costs_no_other_and_not_the_run(here, capsys, monkeypatch):
    monkeypatch.setattr(gd.Trajectory, "animate", lambda run: 1 / 0)
    command = "simulate --pairs 3 --t-end 1 --csv /dev/full --npz a.npz --gif a.gif"
    assert cli.main(command.split()) == 2
    shown = capsys.readouterr()
    assert gd.Trajectory.load("a.npz").t[-1] == 1
    first, second, third = shown.err.splitlines()
    assert first.startswith("gapdyn simulate: error: --csv /dev/full is not written: [Errno 28]")
    assert second.startswith("wrote a.npz")
    assert third == "gapdyn simulate: error: --gif a.gif is not written: division by zero"
    assert shown.out.split()[0] == "t" and len(shown.out.splitlines()) > 2


def test_the_method_is_scipys(here):
    command = "simulate --model scalar --gamma -1e-1 --t-end 9 --method Radau --npz a.npz"
    assert cli.main(command.split()) == 0
    run = gd.Trajectory.load("a.npz")
    assert run.solver.method == "Radau" and run.gamma[0] == -0.1


def test_rows_of_uneven_lengths_may_be_columns(here, capsys):
    """Within the rounding of half precision rows are unit, and nothing is said."""
    X, Y = features()
    uneven = np.linspace(1, 3, len(X))[:, None] * X
    for rows, said in ((X, False), (X.astype(np.float16), False), (2 * X, False), (uneven, True)):
        np.save("both.npy", np.stack([rows, Y.astype(rows.dtype)]))
        assert cli.main(["measure", "both.npy"]) == 0
        error = capsys.readouterr().err
        assert ("if the file is transposed, --layout says so" in error) == said
        assert ("rows of x were not unit" in error) == (rows is not X and rows.dtype == float)


@pytest.mark.parametrize("form", ["one npy", "two npy", "npz"])
def test_measure_reads_every_form_with_x_first(here, form, capsys):
    X, Y = both = features()
    Y *= 2.0
    np.save("both.npy", both)
    np.save("x.npy", X)
    np.save("y.npy", Y)
    np.savez("both.npz", images=X, texts=Y)
    files = {"one npy": ["both.npy"], "two npy": ["x.npy", "y.npy"], "npz": ["both.npz"]}[form]
    assert cli.main(["measure", *files, "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        name: None if np.isnan(value) else value
        for name, value in gd.measure(X, Y).to_dict().items()
    }
    assert list(json.loads(shown.out)) == list(gd.measure(X, Y).to_dict())
    assert "rows of y were not unit (lengths 2 to 2); they are normalised" in shown.err
    assert "rows of x" not in shown.err
    assert cli.main(["measure", *files]) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert float(
        next(line[1] for line in table if line[:1] == ["gap"] and len(line) > 1)
    ) == pytest.approx(gd.measure(X, Y).gap, rel=1e-5)


def test_what_is_undefined_is_null_in_json(here, capsys):
    np.save("both.npy", np.stack([features()[0]] * 2))
    assert cli.main(["measure", "both.npy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["height_x"] is None


def test_measure_takes_groups_a_temperature_a_sample_and_intervals(here, capsys):
    X, Y = features()
    index = np.arange(6) // 2
    np.save("x.npy", X[:3])
    np.save("y.npy", Y)
    np.save("index.npy", index)
    np.savez("labels.npz", x=["a", "b", "c"], y=np.array(["a", "b", "c"])[index])
    options = {"tau": 0.1, "bootstrap": 20, "seed": 3}
    command = "measure x.npy y.npy --json --tau .1 --bootstrap 20 --seed 3 --groups"
    for file in ("index.npy", "labels.npz"):
        assert cli.main([*command.split(), file]) == 0
        wanted = gd.measure(X[:3], Y, groups=index, **options).to_dict()
        wanted = {k: None if np.isnan(v) else v for k, v in wanted.items()}
        assert json.loads(capsys.readouterr().out) == pytest.approx(wanted)
        assert {"loss", "gap_low"} <= wanted.keys() and wanted["rows_x"] == 3
    assert cli.main([*command.replace("--json", "--sample 2").split(), "index.npy"]) == 0
    shown = capsys.readouterr().out
    assert "rows_x                           2" in shown and "95 % intervals" in shown


def test_measure_notes_rows_that_repeat(here, capsys):
    X, Y = features()
    np.save("both.npy", [np.repeat(X[:3], 2, axis=0), Y])
    assert cli.main(["measure", "both.npy"]) == 0
    assert "gapdyn measure: 3 of 6 rows of X repeat another" in capsys.readouterr().err


@pytest.fixture
def bad_files(here):
    np.save("good.npy", features())
    np.save("flat.npy", features()[0])
    np.save("short.npy", features()[0][:3])
    np.save("three.npy", np.ones((3, 4, 5)))
    np.save("integer.npy", np.ones((2, 4, 5), int))
    np.save("nan.npy", features() * np.nan)
    np.save("zero.npy", features() * 0.0)
    np.save("one.npy", features(2)[:, :1])
    np.save("line.npy", features()[:, :, :1])
    np.save("pickled.npy", np.array([{"a": 1}], dtype=object))
    np.savez("long_and_nan.npz", x=2 * features()[0], y=np.nan * features()[1])
    np.savez("three.npz", a=features()[0], b=features()[0], c=features()[0])
    np.savez("object.npz", a=np.array([None]), b=np.array([None]))
    (here / "text.npy").write_text("not an array")
    (here / "empty.npy").write_bytes(b"")
    (here / "torn.npy").write_bytes((here / "good.npy").read_bytes()[:150])
    (here / "torn.npz").write_bytes((here / "three.npz").read_bytes()[:150])
    return here


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("measure missing.npy", "there is no file missing.npy"),
        ("measure .", ". is a folder"),
        ("measure pickled.npy", "pickled.npy is not a readable"),
        ("measure object.npz", "object.npz is not a readable"),
        ("measure text.npy", "text.npy is not a readable"),
        ("measure empty.npy", "empty.npy is not a readable"),
        ("measure torn.npy", "torn.npy is not a readable"),
        ("measure torn.npz", "torn.npz is not a readable"),
        ("measure flat.npy", "flat.npy must have shape (2, n, d), it has (6, 4)"),
        ("measure three.npy", "three.npy must have shape (2, n, d), it has (3, 4, 5)"),
        ("measure three.npz", "three.npz must hold two arrays, it has 3"),
        ("measure flat.npy short.npy", "X and Y must have one shape, got (6, 4) and (3, 4)"),
        ("measure flat.npy three.npz", "FILE must hold one array each"),
        ("measure good.npy good.npy good.npy", "files must be one or two, got 3"),
        ("measure integer.npy", "x must hold real floating-point numbers, got int64"),
        ("measure nan.npy", "x must be finite"),
        ("measure long_and_nan.npz", "y must be finite"),
        ("measure zero.npy", "x must have no row of zero length"),
        ("measure one.npy", "number of rows of x must be at least 2"),
        ("measure line.npy", "dimension of x must be at least 2"),
        ("measure good.npy --groups missing.npy", "there is no file missing.npy"),
        ("measure good.npy --groups three.npz", "three.npz must hold one array of labels or two"),
        ("measure good.npy --groups short.npy", "groups must hold integers or text"),
        ("measure good.npy --tau 0", "tau must be positive"),
        ("measure good.npy --sample 1", "sample must be at least 2"),
        ("measure", "required: FILE"),
        ("", "required: COMMAND"),
        ("measures good.npy", "invalid choice: 'measures', did you mean measure?"),
        ("simulate --bias 3", "--bias wants --loss sigmoid: the logits of InfoNCE have none"),
        ("simulate --bias-rate 3", "--bias wants --loss sigmoid"),
        ("simulate --loss sigmoid --bias none 3", "--bias must be left out: this Sigmoid has none"),
        ("simulate --loss sigmoid --bias big", "--bias wants relative, plain or none, or a number"),
        ("simulate --loss sigmoid --bias 1 2", "--bias wants a kind, a value or both, got 1 2"),
        ("simulate --loss sigmoid --bias inf", "--bias must be finite"),
        ("simulate --loss sigmoid --bias-rate -1", "--bias-rate must not be negative"),
        ("simulate --loss sigmoid --model scalar --gamma 0.1", "--loss sigmoid wants a model with"),
        ("simulate --loss sigmod", "invalid choice: 'sigmod', did you mean sigmoid?"),
        ("simulate --t-end 0", "--t-end must be positive, got 0"),
        ("simulate --t-end nan", "--t-end must be finite"),
        ("simulate --t-end soon", "argument --t-end: invalid float value"),
        ("simulate --tau 0", "--tau must be positive"),
        ("simulate --pairs 1", "--pairs must be at least 2"),
        ("simulate --pairs 2.5", "argument --pairs: invalid int"),
        ("simulate --start random --dim 1", "--dim must be at least 2"),
        ("simulate --dim 3", "--dim must be 2 with --start polygon"),
        ("simulate --start random --seed -1", "--seed must not be negative"),
        ("simulate --gamma 1.5", "gamma must lie in [-1, 1], got 1.5"),
        ("simulate --model parallel", "--model parallel wants --gamma"),
        ("simulate --model frozen --gamma 0.1 --alpha nan", "--alpha must be finite"),
        ("simulate --model convex", "invalid choice: 'convex'"),
        ("simulate --start cone", "invalid choice: 'cone'"),
        ("simulate --temperature hot", "invalid choice: 'hot'"),
        ("simulate --temperature linear-schedule", "linear-schedule wants --tau-end"),
        (
            "simulate --temperature cosine-schedule --tau-end 0.01",
            "--tau must be at most --tau-end",
        ),
        ("simulate --scale 0", "--scale must be positive"),
        ("simulate --rate -1e-3", "--rate must be positive, got -0.001"),
        ("simulate --tau -1e-3", "--tau must be positive, got -0.001"),
        ("simulate --t-end -inf", "--t-end must be finite in float64, got -inf"),
        ("simulate --max-beta 1", "--tau must be at least 1/--max-beta"),
        ("simulate --rtol 0", "--rtol must be positive"),
        ("simulate --method Euler", "invalid choice: 'Euler' (choose from "),
        ("simulate --method RK54", "invalid choice: 'RK54', did you mean RK45? (choose"),
        ("simulate --model scalar --rotation 2 --gamma 7", "--gamma must lie in [-1, 1], got 7"),
        ("simulate --model scalar --rotation 2 --gamma 0.1 --rtol 0", "--rtol must be positive"),
        ("simulate --csv nowhere/run.csv", "--csv wants a file in an existing folder"),
        ("simulate --npz nowhere/run.npz", "--npz wants a file in an existing folder"),
        ("simulate --csv .", "--csv wants a file, got the folder"),
        ("simulate --csv a.out --npz ./a.out", "--npz must be another file than --csv"),
        ("simulate --model frozen --gamma 0.3 --pairs 1000000", "Unable to allocate"),
        ("simulate --gif run.png", "--gif wants a name that ends in .gif, got run.png"),
        ("simulate --from", "argument --from: expected at least one argument"),
        ("simulate --from none.npy", "there is no file none.npy"),
        ("simulate --from a.npy b.npy c.npy", "files must be one or two, got 3"),
        ("simulate --gif nowhere/run.gif", "--gif wants a file in an existing folder"),
        ("simulate --model scalar --gamma 0.1 --gif a.gif", "to show: --model free or parallel"),
    ],
)
def test_bad_input_is_one_line_and_status_2(bad_files, command, says, capsys):
    before = sorted(bad_files.iterdir())
    try:
        status = cli.main(command.split())
    except SystemExit as stop:
        status = stop.code
    shown = capsys.readouterr()
    assert status == 2
    assert says in shown.err and shown.err.count("\n") == 1, shown.err
    assert shown.out == ""
    assert sorted(bad_files.iterdir()) == before
