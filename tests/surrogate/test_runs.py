"""The reading of tables: forms that are right, and words for those that are not."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixatlas.contract.errors import SpecError
from mixatlas.surrogate.runs import join, read_metrics, read_ratios

PLAIN = "run,a,b\nx,0.25,0.75\ny,0.5,0.5\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + PLAIN, id="a byte order mark"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(PLAIN.rstrip(), id="no last line end"),
        pytest.param(PLAIN.replace("\n", "\n\n") + " , ,\n", id="blank lines"),
        pytest.param(PLAIN.replace(",", " , "), id="spaces"),
        pytest.param('"run","a","b"\n"x","0.25","0.75"\n"y",".5","5e-1"\n', id="quotes"),
        pytest.param(
            ",run,name,index,a,b\n0,x,one,7,0.25,0.75\n1,y,two,8,0.5,0.5\n", id="skipped columns"
        ),
        pytest.param("a,run,b\n0.25,x,0.75\n0.5,y,0.5\n", id="run in the middle"),
        pytest.param("run,a,b\nx,0.25,0.7505\ny,0.4996,0.4996\n", id="rounded"),
    ],
)
def test_forms_that_are_right(text: str) -> None:
    found = read_ratios(text, "w.csv")
    assert found.runs == ("x", "y")
    assert found.columns == ("a", "b")
    np.testing.assert_allclose(found.values, [[0.25, 0.75], [0.5, 0.5]], atol=1e-3)
    np.testing.assert_allclose(found.values.sum(axis=1), 1.0, atol=1e-15)


def test_what_was_not_measured_is_no_number() -> None:
    found = read_metrics("run,u,v\nx,,1\ny,nan,2\nz,3, \n", "m.csv")
    np.testing.assert_array_equal(found.values, [[np.nan, 1], [np.nan, 2], [3, np.nan]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("index,a,b\nx,0.5,0.5\n", "Here `index` may be it."),
        ("run;a;b\nx;0.5;0.5\n", "separated by commas"),
        ("run,a,b\nx,50,50\n", "Divide percentages by 100."),
        ("run,a,b\nx,0.998,0\n", "sum to 0.998"),
        ("run,a,b\nx,1_0,0\n", "'1_0' is not a number"),
        ("run,a,b\nx,1e400,0\n", "'1e400' is not a number"),
    ],
)
def test_a_mistake_comes_with_a_remedy(text: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        read_ratios(text, "w.csv")
    assert said in str(error.value)
    assert str(error.value).startswith("w.csv:")


def test_a_metric_that_cannot_be_squared_is_refused() -> None:
    with pytest.raises(SpecError, match=r"m\.csv:3: loss: '-1e200' is too large"):
        read_metrics("run,loss\nx,1e99\ny,-1e200\n", "m.csv")


def test_standard_errors_stand_beside_their_metric() -> None:
    text = "run,loss.sem,loss,gain\nx,0.1,1,2\ny,,3,4\nz,nan,5,6\n"
    found = read_metrics(text, "m.csv")
    assert found.metrics == ("loss", "gain")
    np.testing.assert_array_equal(found.values, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(found.sems, [[0.1, 0], [0, 0], [0, 0]])
    one = found.only(("gain", "loss"))
    np.testing.assert_array_equal(one.sems, [[0, 0.1], [0, 0], [0, 0]])
    runs = join(read_ratios("run,a,b\nz,1,0\nx,0,1\n", "w.csv"), found)
    np.testing.assert_array_equal(runs.S_nm, [[0, 0], [0.1, 0]])


NAMES = st.text(min_size=1, max_size=8).filter(
    lambda name: (
        name.strip() == name
        and name.isprintable()
        and name not in {"run", "name", "index"}
        and not name.startswith("\ufeff")
    )
)


@given(
    domains=st.lists(NAMES, min_size=2, max_size=5, unique=True),
    runs=st.lists(NAMES, min_size=1, max_size=5, unique=True),
)
def test_any_names_are_read_as_written(domains: list[str], runs: list[str]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["run", *domains])
    writer.writerows([run, 1, *[0] * (len(domains) - 1)] for run in runs)
    found = read_ratios(text.getvalue(), "w.csv")
    assert found.columns == tuple(domains)
    assert found.runs == tuple(runs)


@given(text=st.text(alphabet='run,ab01.-"\n\r \0e', max_size=60))
def test_any_text_is_a_table_or_a_named_mistake(text: str) -> None:
    for read in (read_ratios, read_metrics):
        try:
            found = read(text, "w.csv")
        except SpecError as error:
            assert str(error).startswith("w.csv:")  # noqa: PT017
            assert error.hint  # noqa: PT017
        else:
            assert found.runs
