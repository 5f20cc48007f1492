"""A search on one axis: slices are decided on, cells are stored, trained and handed over."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from fractions import Fraction

import pytest
from rich.console import Console

from mixatlas.cli.screen import print_answer
from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.manifest import CorpusManifest
from mixatlas.contract.mixture import PPM
from mixatlas.controller.handover import render_config_map
from mixatlas.driver.preview import preview
from mixatlas.plan.observed import Observed
from mixatlas.plan.plan import why_finished
from mixatlas.report.exports import trials_csv
from mixatlas.report.page import render_report
from mixatlas.report.tables import trial_rows
from mixatlas.spec.view import Axis
from scenario import World, a_document, stable

SLICES = {"concept": ("chart", "photo"), "task": ("caption", "vqa")}


@dataclass(frozen=True, slots=True)
class Searched:
    """A search on one axis that has ended."""

    axis: Axis
    world: World
    observed: Observed

    @property
    def corpus(self) -> CorpusManifest:
        content = self.world.store.objects[self.observed.accepted.corpus]
        return CorpusManifest.model_validate_json(content)

    def slice_of(self, cell: str) -> str:
        return cell.split(".")[("concept", "task").index(self.axis)]


@pytest.fixture(scope="module", params=["concept", "task"])
def searched(request: pytest.FixtureRequest) -> Searched:
    first, second = SLICES[request.param]
    search = a_document(
        axes=[request.param],
        space={
            "bounds": [{"domain": first, "min": "0.1", "max": "0.8"}],
            "groups": [{"name": "g", "domains": [f"{second[:3]}*"], "min": "0.15"}],
            "linear": [{"name": "l", "terms": [{"domain": first, "coefficient": "3"}], "max": "3"}],
        },
        baselines=[
            {
                "name": "mine",
                "mixture": [
                    {"domain": first, "weight": "0.3"},
                    {"domain": second, "weight": "0.7"},
                ],
            }
        ],
        target={"tokens": 1_000_000, "parameters": 1000},
        output={"configMap": "m", "formats": ["csv"]},
    )
    world = World(search=search)
    return Searched(request.param, world, world.run())


def test_every_trainer_is_given_cells_at_the_natural_shares_of_their_slice(
    searched: Searched,
) -> None:
    tokens = {domain.name: domain.tokens for domain in searched.corpus.domains}
    files = list(searched.world.runner.files.values())
    assert len(files) >= 12
    for file in files:
        cells = {weight.domain: weight.ppm for weight in file.mixture}
        assert sum(cells.values()) == PPM
        for cell, ppm in cells.items():
            mates = [name for name in tokens if searched.slice_of(name) == searched.slice_of(cell)]
            share = Fraction(tokens[cell], sum(tokens[name] for name in mates))
            assert abs(ppm - share * sum(cells.get(name, 0) for name in mates)) < 1
    assert len({file.mixture for file in files}) >= 6, "design, proposals and baselines differ"


def test_the_search_is_over_slices(searched: Searched) -> None:
    accepted, names = searched.observed.accepted, SLICES[searched.axis]
    assert accepted.space.domains == names
    assert tuple(accepted.record.bounds) == tuple(accepted.record.definitions) == names
    assert accepted.record.bounds[names[0]] == (100_000, 800_000)
    assert accepted.baselines["uniform"].ppm == (500_000, 500_000)
    assert accepted.baselines["mine"].ppm == (300_000, 700_000)
    rows = trial_rows(searched.observed)
    for row in rows:
        assert row.mixture.domains == names
        assert accepted.space.contains(row.mixture)
    assert f",w:{names[0]},w:{names[1]}," in trials_csv(rows)
    assert why_finished(searched.observed) is not None


def test_the_training_after_it_is_given_cells_that_the_digest_names(searched: Searched) -> None:
    observed = searched.observed
    winner = searched.world.sink.statuses[-1]["winner"]
    config_map = render_config_map(
        observed.accepted,
        searched.world.search,
        observed.winners[-1],
        tokens_a_sample=searched.corpus.tokens_a_sample,
    )
    handed = json.loads(config_map["data"]["mixture.json"])
    cells = [{"domain": name, "ppm": ppm} for name, ppm in sorted(handed["ppm"].items())]
    assert sum(handed["ppm"].values()) == PPM
    assert cells == winner["mixture"]
    digest = sha256_hex(canonical_json(cells))
    assert digest == handed["digest"] == winner["digest"]
    assert config_map["metadata"]["annotations"]["mixatlas.dev/digest"] == digest
    trained = searched.world.runner.files
    confirmed = next(file for file in trained.values() if file.trial == winner["trial"])
    assert [weight.to_plain() for weight in confirmed.mixture] == cells
    best = searched.world.sink.statuses[-1]["best"]["mixture"]
    assert {weight["domain"] for weight in best} <= set(searched.corpus.tokens_a_sample)
    assert config_map["data"]["mixture.csv"].count("\n") == 1 + len(cells)


def test_the_report_draws_slices(searched: Searched) -> None:
    page = render_report(searched.observed).decode()
    assert f"percent, by {searched.axis}, beside" in page
    assert f"<td>{SLICES[searched.axis][0]}</td>" in page
    assert "chart.vqa" not in page


def test_the_answer_names_slices(searched: Searched) -> None:
    console = Console(file=io.StringIO(), width=80, highlight=False, color_system=None)
    print_answer(console, searched.observed, report=None)
    assert isinstance(console.file, io.StringIO)
    weights = console.file.getvalue().partition("Largest weights: ")[2]
    assert {word for word in weights.split() if word.isalpha()} == set(SLICES[searched.axis])


def test_a_plan_counts_the_epochs_of_whole_slices(searched: Searched) -> None:
    found = preview(searched.world.store, searched.world.search)
    whole = sum(domain.tokens for domain in searched.corpus.domains)
    assert found.epochs == pytest.approx(dict.fromkeys(SLICES[searched.axis], 10_000 / whole))


def test_it_goes_on_after_a_restart_as_if_nothing_had_happened(searched: Searched) -> None:
    world = World(search=searched.world.search)
    while len(world.runner.started) < 5:
        world.driver().run_pass()
    assert stable(world.run()) == stable(searched.observed)
