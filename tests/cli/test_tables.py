"""What all commands on tables share: poor tables, broken ones, exit codes, the example."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mixatlas.cli import main
from mixatlas.contract.exit_codes import CliExit

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "tables"
COMMANDS = {
    "fit": ("--predict", "w.csv"),
    "propose": ("--batch", "1"),
    "attribution": ("--csv", "effects.csv", "--html", "effects.html"),
    "replay": ("--objective", "mean", "--trials", "3", "--initial", "2", "--seeds", "1"),
}
RNG = np.random.default_rng(5)
W_nd = RNG.dirichlet(np.ones(3), size=9)
Y_nm = np.column_stack([np.sqrt(W_nd[:, 0]), W_nd[:, 1] + 0.1 * RNG.normal(size=9)])


@dataclass(frozen=True, kw_only=True)
class Ended:
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["mixatlas", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return Ended(code=int(end.value.code or 0), out=printed.out, err=printed.err)

    return run_it


def table(values: np.ndarray, names: str) -> str:
    rows = [
        f"r{i}," + ",".join("" if np.isnan(value) else repr(float(value)) for value in row)
        for i, row in enumerate(values)
    ]
    return "\n".join([f"run,{names}", *rows, ""])


def write(ratios: str | bytes, metrics: str | bytes) -> list[str]:
    for name, content in (("w.csv", ratios), ("m.csv", metrics)):
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return ["--ratios", "w.csv", "--metrics", "m.csv"]


POOR = {
    "a constant metric": (W_nd, np.column_stack([np.ones(9), Y_nm[:, 1]]), "u is constant"),
    "equal mixtures": (np.tile(W_nd[:1], (9, 1)), Y_nm, "all runs have one mixture"),
    "few runs": (W_nd[:3], Y_nm[:3], ""),
    "a domain at zero": (
        np.column_stack([W_nd[:, 0], W_nd[:, 1] + W_nd[:, 2], np.zeros(9)]),
        Y_nm,
        "1 domain (c) always at zero",
    ),
    "domains that move together": (
        np.column_stack([W_nd[:, 0], (1 - W_nd[:, 0]) / 2, (1 - W_nd[:, 0]) / 2]),
        Y_nm,
        "b and c always move together",
    ),
    "gaps": (W_nd, np.where(np.arange(18).reshape(9, 2) % 5 == 3, np.nan, Y_nm), ""),
    "more runs than metrics": (W_nd, Y_nm[:6], "left out: 3 runs (r6, r7, r8) without metrics"),
}


def test_of_many_domains_that_move_together_some_are_named(run: Run) -> None:
    twelve_nd = np.repeat(W_nd / 4, 4, axis=1)
    files = write(table(twelve_nd, ",".join("abcdefghijkl")), table(Y_nm, "u,v"))
    ended = run("fit", *files)
    said = [line for line in ended.out.splitlines() if "move together" in line]
    assert [line.split(" always")[0] for line in said] == [
        *(f"warning: {pair}" for pair in ("a and b", "a and c", "a and d", "b and c", "b and d")),
        "warning: 13 more pairs of domains",
    ]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", POOR)
def test_poor_tables_are_worked_on_with_a_warning(run: Run, command: str, what: str) -> None:
    weights, metrics, warning = POOR[what]
    ended = run(command, *write(table(weights, "a,b,c"), table(metrics, "u,v")), *COMMANDS[command])
    assert ended.code == 0, ended.err
    assert warning in " ".join(ended.err.split())
    assert not re.search(r"\b(nan|inf)\b|Traceback", ended.out + ended.err)
    if command == "attribution":
        effects = Path("effects.csv").read_text().splitlines()[1:]
        assert len(effects) == 6
        assert np.isfinite([float(v) for row in effects for v in row.split(",")[2:]]).all()


@pytest.mark.parametrize("command", COMMANDS)
def test_standard_errors_of_0_or_none_are_the_same(run: Run, command: str) -> None:
    def said(columns: list[np.ndarray], names: str) -> tuple[str, ...]:
        files = write(table(W_nd, "a,b,c"), table(np.column_stack(columns), names))
        ended = run(command, *files, *COMMANDS[command])
        assert ended.code == 0, ended.err
        return ended.out, ended.err

    none = said([Y_nm], "u,v")
    sems = np.where(np.arange(9)[:, None] % 2, 0.0, np.nan)
    assert said([Y_nm, sems, sems], "u,v,u.sem,v.sem") == none


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("fit", ("--predict", "w.csv")),
        ("propose", ("--objective", "u", "--batch", "3")),
        ("propose", ("--objective", "u", "--objective", "v", "--batch", "2")),
        ("attribution", ("--benchmark", "u")),
    ],
)
def test_standard_errors_matter(run: Run, command: str, options: tuple[str, ...]) -> None:
    hidden = Y_nm + np.where(np.arange(9) == 3, 3.0, 0.0)[:, None]
    sems = np.where(np.arange(9) == 3, 30.0, 0.0)[:, None]
    plain = table(hidden, "u,v")
    known = table(np.column_stack([hidden, sems, sems]), "u,v,u.sem,v.sem")
    one, other = (
        run(command, *write(table(W_nd, "a,b,c"), text), *options) for text in (plain, known)
    )
    assert one.code == other.code == 0
    assert one.out != other.out


@pytest.mark.parametrize("command", ["propose", "attribution", "fit"])
def test_one_run_is_enough(run: Run, command: str) -> None:
    ended = run(
        command, *write(table(W_nd[:1], "a,b,c"), table(Y_nm[:1], "u,v")), *COMMANDS[command]
    )
    assert ended.code == 0, ended.err
    assert "all runs have one mixture" in ended.err


GOOD_W, GOOD_M = "run,a,b\nx,0.5,0.5\ny,0.2,0.8\n", "run,u\nx,1\ny,2\n"
BROKEN: dict[str, tuple[str | bytes, str | bytes, str]] = {
    "an empty file": ("", GOOD_M, "w.csv:1: there is no column `run`"),
    "a header alone": (GOOD_W, "run,u\n", "m.csv:1: there is no row below the header"),
    "no column `run`": (GOOD_W, "u,v\n1,2\n", "m.csv:1: there is no column `run`"),
    "a run twice": ("run,a,b\nx,1,0\nx,0,1\n", GOOD_M, "w.csv:3: two rows are of run 'x'"),
    "no run in both": (GOOD_W, "run,u\nz,1\n", "no run is in both tables"),
    "a negative weight": ("run,a,b\nx,-1,2\n", GOOD_M, "w.csv:2: a: '-1' is negative"),
    "a sum that is not 1": ("run,a,b\nx,.5,.6\n", GOOD_M, "w.csv:2: the weights of run 'x' sum"),
    "a word for a number": (GOOD_W, "run,u\nx,low\n", "m.csv:2: u: 'low' is not a number"),
    "an empty weight": ("run,a,b\nx,1,\n", GOOD_M, "w.csv:2: b: '' is not a number"),
    "an infinite metric": (GOOD_W, "run,u\nx,inf\n", "m.csv:2: u: 'inf' is not finite"),
    "no metric": (GOOD_W, "run,name\nx,y\n", "m.csv:1: there is no column beside `run`"),
    "nothing measured": (GOOD_W, "run,u\nx,\n", "m.csv:1: no run has a value of u"),
    "a ragged row": (GOOD_W, "run,u\nx,1,2\n", "m.csv:2: the row has 3 cells, the header 2"),
    "a column twice": (GOOD_W, "run,u,u\nx,1,2\n", "m.csv:1: two columns are named u"),
    "a negative sem": (GOOD_W, "run,u,u.sem\nx,1,1\ny,2,-1\n", "m.csv:3: u.sem: '-1' is negative"),
    "a word for a sem": (GOOD_W, "run,u,u.sem\nx,1,low\n", "m.csv:2: u.sem: 'low' is not a number"),
    "an infinite sem": (GOOD_W, "run,u,u.sem\nx,1,inf\n", "m.csv:2: u.sem: 'inf' is not finite"),
    "a sem of nothing": (GOOD_W, "run,u,v.sem\nx,1,1\n", "m.csv:1: there is v.sem, and no metric"),
    "a sem twice": (GOOD_W, "run,u,u.sem,u.sem\nx,1,1,1\n", "m.csv:1: two columns are named u.sem"),
    "one domain": ("run,a\nx,1\n", GOOD_M, "w.csv:1: there is one domain, a"),
    "an open quote": (GOOD_W, 'run,u\n"x,1\n', "m.csv:2: this is not CSV"),
    "UTF-16": (GOOD_W.encode("utf-16"), GOOD_M, "w.csv: 'utf-8' codec"),
    "Latin-1": ("run,é,b\nx,1,0\n".encode("latin-1"), GOOD_M, "w.csv: 'utf-8' codec"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", GOOD_M, "w.csv: 'utf-8' codec"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_table_is_refused_with_a_remedy(run: Run, what: str) -> None:
    ratios, metrics, said = BROKEN[what]
    ended = run("fit", *write(ratios, metrics))
    assert ended.code == CliExit.INVALID_SPEC
    assert ended.err.startswith(said)
    assert "\n  " in ended.err
    assert ended.out == ""


FILES = ("--ratios", "w.csv", "--metrics", "m.csv")
WRONG: dict[str, tuple[tuple[str, ...], CliExit, str]] = {
    "no such file": (("fit", "--ratios", "no.csv", "--metrics", "m.csv"), CliExit(3), "no.csv"),
    "a folder": (("fit", "--ratios", ".", "--metrics", "m.csv"), CliExit(3), "Is a directory"),
    "no file": (("fit", "--metrics", "m.csv"), CliExit(2), "--ratios"),
    "no such metric": (("fit", *FILES, "--benchmark", "v"), CliExit(3), "no metric 'v'"),
    "no such objective": (("propose", *FILES, "--objective", "v"), CliExit(3), "no metric 'v'"),
    "no batch": (("propose", *FILES, "--batch", "0"), CliExit(2), "--batch"),
    "a large batch": (("propose", *FILES, "--batch", "65"), CliExit(2), "--batch"),
    "a word as seed": (("propose", *FILES, "--seed", "x"), CliExit(2), "--seed"),
    "another domain in the limits": (
        ("propose", *FILES, "--space", "space.yaml"),
        CliExit(3),
        "space.yaml:1:19: bounds.0.domain: the table has no domain `d`",
    ),
    "limits that leave nothing": (
        ("propose", *FILES, "--space", "empty.yaml"),
        CliExit(4),
        "space.bounds",
    ),
    "another domain in the mixtures": (
        ("fit", *FILES, "--predict", "extra.csv"),
        CliExit(3),
        "extra.csv:1: the domain d is not among those of the runs",
    ),
    "a domain less in the mixtures": (
        ("fit", *FILES, "--predict", "fewer.csv"),
        CliExit(3),
        "fewer.csv:1: the domain b is missing",
    ),
    "more trials than runs": (
        ("replay", *FILES, "--objective", "u", "--trials", "10", "--initial", "3"),
        CliExit(3),
        "--trials is 10, with --initial 3 and 9 runs",
    ),
    "more to begin with than trials": (
        ("replay", *FILES, "--objective", "u", "--trials", "4", "--initial", "5"),
        CliExit(3),
        "--trials is 4, with --initial 5",
    ),
    "no such method": (
        ("replay", *FILES, "--objective", "u", "--method", "Best"),
        CliExit(2),
        "--method",
    ),
    "a folder as output": (
        ("attribution", *FILES, "--html", "folder"),
        CliExit(3),
        "folder: is a folder",
    ),
    "an output in no folder": (
        ("propose", *FILES, "--out", "no/next.csv"),
        CliExit(3),
        "no/next.csv: there is no folder no",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_command_says_what_is_wrong_and_writes_nothing(run: Run, what: str) -> None:
    arguments, code, said = WRONG[what]
    write(table(W_nd, "a,b,c"), table(Y_nm[:, :1], "u"))
    Path("space.yaml").write_text('bounds: [{domain: d, max: "0.3"}]\n')
    Path("empty.yaml").write_text(
        "bounds:\n" + "".join(f'  - {{domain: {name}, max: "0.3"}}\n' for name in "abc")
    )
    Path("extra.csv").write_text("run,a,b,c,d\nx,1,0,0,0\n")
    Path("fewer.csv").write_text("run,a,c\nx,1,0\n")
    Path("folder").mkdir()
    before = sorted(Path().iterdir())
    ended = run(*arguments)
    assert ended.code == code, ended.err
    assert said in ended.err
    assert ended.out == ""
    assert sorted(Path().iterdir()) == before


def readme_commands() -> list[str]:
    """Return the commands of the README's section on tables."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Tables of finished runs")[1].split("\n## ")[0]
    block = section.split("```sh\n")[1].split("```")[0]
    return block.replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("line", readme_commands(), ids=lambda line: line.split()[1])
def test_the_commands_of_the_readme_work_on_the_example(run: Run, line: str) -> None:
    (Path("examples")).symlink_to(ROOT / "examples")
    words = shlex.split(line, comments=True)
    if ">" in words:
        words = words[: words.index(">")]
    ended = run(*words[1:])
    assert ended.code == 0, ended.err
    assert not re.search(r"\bnan\b", ended.out)
