"""Real tables, scaled to bars of 1 to 9 units, column by column."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import vega_datasets
from numpy.typing import NDArray
from sklearn import datasets

Table = NDArray[np.int64]

_VEGA = Path(str(vega_datasets.__file__)).parent / "_data"
_CAR_COLUMNS = (
    "Miles_per_Gallon",
    "Cylinders",
    "Displacement",
    "Horsepower",
    "Weight_in_lbs",
    "Acceleration",
)


def training_tables() -> list[Table]:
    """Return irises, wines, exercises and Seattle's weather."""
    with (_VEGA / "seattle-weather.csv").open(encoding="utf-8") as file:
        weather = list(csv.DictReader(file))
    columns = ("precipitation", "temp_max", "temp_min", "wind")
    loaders = (datasets.load_iris, datasets.load_wine, datasets.load_linnerud)
    return [*(_scale(load().data) for load in loaders), _select(weather, columns)]


def held_out_tables() -> list[Table]:
    """Return diabetes patients, tumours and cars."""
    cars = json.loads((_VEGA / "cars.json").read_text(encoding="utf-8"))
    loaders = (datasets.load_diabetes, datasets.load_breast_cancer)
    return [*(_scale(load().data) for load in loaders), _select(cars, _CAR_COLUMNS)]


def _select(rows: Sequence[dict[str, str | float | None]], columns: Sequence[str]) -> Table:
    return _scale(
        [
            [np.nan if row[name] in (None, "") else float(row[name] or 0) for name in columns]
            for row in rows
        ]
    )


def _scale(values: object) -> Table:
    """Scale each column to 1 to 9; rows with a missing value are dropped."""
    array = np.asarray(values, dtype=float)
    array = array[~np.isnan(array).any(axis=1)]
    low, high = array.min(axis=0), array.max(axis=0)
    return 1 + np.rint(8 * (array - low) / (high - low + 1e-9)).astype(np.int64)
