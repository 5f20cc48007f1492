"""Does the mixture matter in the demo? The spread over mixtures against the noise of seeds.

24 Dirichlet mixtures, half around uniform and half around natural, concentrations .2, .5, 1 and 2
times the number of domains, one run each; five seeds at uniform. Prints the standard deviation of
the objective over mixtures, seed variance taken off, over that of seeds: for all mixtures, and for
the better half. `make demo` must have been run: it leaves corpus and base in `build/demo`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples" / "demo"))

from base import benchmark_refs, trainer_config  # noqa: E402
from mixatlas.adapters.clock import SystemClock  # noqa: E402
from mixatlas.contract.canonical import sha256_hex  # noqa: E402
from mixatlas.contract.manifest import (  # noqa: E402
    BenchmarkManifest,
    CorpusManifest,
    file_list_digest,
)
from mixatlas.contract.mixture import Mixture  # noqa: E402
from mixatlas.contract.result import TrialResult  # noqa: E402
from mixatlas.contract.seeds import seed_for  # noqa: E402
from mixatlas.contract.trial import (  # noqa: E402
    BaseRef,
    CorpusRef,
    DomainWeight,
    Purpose,
    TrialFile,
)
from mixatlas.driver.ports import StartRequest  # noqa: E402
from mixatlas.local.runner import RunnerSettings, SubprocessRunner  # noqa: E402
from mixatlas.local.state import StateFolder  # noqa: E402

SEED, TOKENS, SLOTS = 5, 120_000, 2
CONCENTRATIONS = (0.2, 0.5, 1.0, 2.0)


def mixtures(corpus: CorpusManifest, n: int) -> list[Mixture]:
    """Return five times uniform, then `n` Dirichlet mixtures, by turns around both centres."""
    tokens = np.array([domain.tokens for domain in corpus.domains], dtype=float)
    names = [domain.name for domain in corpus.domains]
    d = len(names)
    rng = np.random.default_rng(SEED)
    found = [Mixture.nearest(dict.fromkeys(names, 1))] * 5
    for i in range(n):
        center = np.full(d, 1 / d) if i % 2 == 0 else tokens / tokens.sum()
        concentration = CONCENTRATIONS[(i // 2) % len(CONCENTRATIONS)]
        draw = rng.dirichlet(np.maximum(center * d * concentration, 1e-3))
        found.append(Mixture.nearest(dict(zip(names, draw.tolist(), strict=True))))
    return found


def trial(build: Path, work: Path, number: int, mixture: Mixture) -> TrialFile:
    """Return the trial file of one mixture."""
    manifest = build / "corpus" / "manifest.json"
    base = build / "base"
    files = {
        path.relative_to(base).as_posix(): sha256_hex(path.read_bytes())
        for path in base.rglob("*")
        if path.is_file()
    }
    return TrialFile(
        trial=number,
        purpose=Purpose.MANUAL,
        mixture=tuple(DomainWeight(domain=n, ppm=p) for n, p in mixture.parts if p),
        seed=seed_for(SEED, "search", number),
        tokens=TOKENS,
        corpus=CorpusRef(manifest=str(manifest), sha256=sha256_hex(manifest.read_bytes())),
        base=BaseRef(checkpoint=str(base), sha256=file_list_digest(files)),
        benchmarks=benchmark_refs(build / "corpus"),
        part="search",
        trainer=trainer_config(None),
        attempts=str(work / "attempts" / str(number)),
        checkpoints=str(work / "checkpoints" / str(number)),
        keep_checkpoint=False,
    )


def train_all(build: Path, work: Path, wanted: list[Mixture]) -> list[TrialResult]:
    """Train all mixtures, two at a time, as forks of one process."""
    runner = SubprocessRunner(StateFolder(work), RunnerSettings(threads=1, environ={}))
    clock, waiting = SystemClock(), list(enumerate(wanted, start=1))
    pods: dict[int, str] = {}
    while waiting or any(a.phase != "ended" for a in runner.observe()):
        running = sum(a.phase != "ended" for a in runner.observe())
        while waiting and running < SLOTS:
            number, mixture = waiting.pop(0)
            file = trial(build, work, number, mixture)
            path = work / f"trial-{number}.json"
            path.write_bytes(file.to_bytes())
            runner.start(
                StartRequest(
                    name=f"contrast-{number}",
                    trial=number,
                    attempt=1,
                    digest=file.digest,
                    trial_uri=str(path),
                    purpose="manual",
                )
            )
            running += 1
            print(f"\rtrial {number} of {len(wanted)}", end="", flush=True)
        clock.wait(0.2)
    print()
    for attempt in runner.observe():
        if attempt.exit_code != 0:
            raise SystemExit(f"{attempt.name} ended with {attempt.exit_code}: {attempt.message}")
        pods[attempt.trial] = attempt.pod_uid
    runner.close()
    return [
        TrialResult.model_validate_json(
            (work / "attempts" / str(n) / pods[n] / "result.json").read_bytes()
        )
        for n in range(1, len(wanted) + 1)
    ]


def main() -> None:
    """Run the study and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "demo")
    parser.add_argument("--mixtures", type=int, default=24)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    corpus = CorpusManifest.model_validate_json((build / "corpus/manifest.json").read_bytes())
    wanted = mixtures(corpus, arguments.mixtures)
    with tempfile.TemporaryDirectory() as work:
        results = train_all(build, Path(work), wanted)
    names = [entry.name for entry in corpus.benchmarks]
    chance = np.array(
        [
            BenchmarkManifest.model_validate_json(
                (build / "corpus" / e.manifest).read_bytes()
            ).chance
            for e in corpus.benchmarks
        ]
    )
    Y = np.array([[result.benchmarks[name].value for name in names] for result in results])
    normalised = (chance - Y) / chance
    columns = {"objective": normalised.mean(axis=1)}
    columns |= {name: normalised[:, i] for i, name in enumerate(names)}
    table = {}
    print(f"{'':<10} uniform  seed sd  mixtures sd  ratio  better half  best  worst")
    for name, values in columns.items():
        seeds, drawn = values[:5], values[5:]
        sd = seeds.std(ddof=1)
        clean = np.sqrt(max(drawn.var(ddof=1) - sd**2, 0.0))
        upper = np.sort(drawn)[len(drawn) // 2 :]
        clean_upper = np.sqrt(max(upper.var(ddof=1) - sd**2, 0.0))
        table[name] = {"ratio": clean / sd, "upper": clean_upper / sd, "seedSd": sd}
        print(
            f"{name:<10} {seeds.mean():7.3f} {sd:8.4f} {clean:12.4f} {clean / sd:6.1f} "
            f"{clean_upper / sd:12.1f} {drawn.max():5.3f} {drawn.min():6.3f}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
