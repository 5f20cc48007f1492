"""`mixatlas corpus inspect | build | pack | report | check | push`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from mixatlas.cli import corpus_jobs
from mixatlas.cli.documents import output_option
from mixatlas.cli.stores import files_of, is_stored, open_place, open_uri
from mixatlas.contract.exit_codes import CliExit
from mixatlas.corpus import CheckReport, InspectReport, build, check, inspect, pack, push
from mixatlas.corpus.overview import overview
from mixatlas.corpus.readers import FORMATS
from mixatlas.report.corpus_page import render_corpus

MAX_ROWS = 20


@click.group()
def command() -> None:
    """From raw data to domains: inspect sources, build or pack a corpus, check and push it."""


@command.command("inspect")
@click.argument("source")
@click.option("--images", help="Where its image paths lead [default: the source's folder].")
@click.option("--format", "format_", type=click.Choice(sorted(FORMATS)), help="[default: told]")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    help="The source's name of a field, such as concept=category.",
)
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Use the store of this search.")
@output_option("table", "json")
def inspect_command(
    source: str,
    images: str | None,
    format_: str | None,
    columns: tuple[str, ...],
    file: Path | None,
    output: str,
) -> None:
    """Count what SOURCE (a file or folder, or s3://…) holds, and name what is broken."""
    console = Console(stderr=True)
    stored = next((place for place in (source, images or source) if is_stored(place)), source)
    with open_uri(stored, file) as store, console.status("Reading") as status:
        files = files_of(source, store)
        report = inspect(
            files,
            files_of(images, store) if images else files,
            format=format_,
            columns=_pairs(columns),
            on_sample=lambda n: status.update(f"{n:,} samples") if n % 100 == 0 else None,
        )
    if output == "json":
        click.echo(json.dumps(report.to_plain(), ensure_ascii=False, indent=2))
        return
    Console(highlight=False, width=80).print(_findings(report))
    for sample in report.broken_samples:
        click.echo(f"{sample.where}: {sample.reason}", err=True)
    if report.broken > len(report.broken_samples):
        click.echo(f"… and {report.broken - len(report.broken_samples):,} more", err=True)


@command.command("build")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    default=Path("corpus.yaml"),
    show_default=True,
    help="The corpus document.",
)
@click.option(
    "--centroids",
    metavar="PLACE",
    help="concepts.json of another corpus: its concepts are used, and none are looked for.",
)
def build_command(out: Path, file: Path, centroids: str | None) -> None:
    """Build the corpus folder OUT from the sources of a document; go on where it was ended."""
    with Console(stderr=True).status("read") as status:
        report = build(
            file,
            out,
            open_files=open_place,
            centroids=centroids,
            on_progress=lambda stage, done, of: status.update(f"{stage}: {done:,} of {of:,}"),
        )
    for cell, concept in report.joined.items():
        click.echo(f"{cell}: too few samples, joined {concept}.{cell.split('.')[1]}", err=True)
    for sample in report.tally.named:
        click.echo(f"{sample.where}: {sample.reason}", err=True)
    packed = report.pack
    for n, what in (
        (packed.duplicates, "duplicates"),
        (packed.overlaps, "samples whose image a benchmark asks about"),
    ):
        if n:
            click.echo(f"{n:,} {what}: see {out}/left-out.jsonl", err=True)
    if packed.held_out:
        click.echo(f"{out}/held-out/manifest.json: {packed.held_out:,} samples", err=True)
    click.echo(
        f"{out}/manifest.json: {len(packed.manifest.domains)} domains, "
        f"{packed.samples:,} samples, {report.tally.broken:,} broken, "
        f"{len(packed.manifest.benchmarks)} benchmarks"
    )


@command.command("pack")
@click.argument("samples", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--config", required=True, type=click.Path(path_type=Path), help="pack.yaml.")
@click.option("--items", type=click.Path(path_type=Path), help="JSON lines of benchmark items.")
def pack_command(samples: Path, out: Path, config: Path, items: Path | None) -> None:
    """Pack SAMPLES (JSON lines) into the corpus folder OUT."""
    report = pack(samples, out, config=config, items=items)
    click.echo(
        f"{out}/manifest.json: {len(report.manifest.domains)} domains, {report.samples:,} samples, "
        f"{len(report.manifest.benchmarks)} benchmarks in {report.seconds:.0f} s"
    )


@command.command("report")
@click.argument("folder", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="[default: OUT.html]")
def report_command(folder: Path, output: Path | None) -> None:
    """Write an HTML page about the corpus folder OUT: concepts, cells, tasks, what was left out."""
    page = render_corpus(overview(folder))
    whole = folder.resolve()
    output = output or whole.with_name(f"{whole.name}.html")
    output.write_bytes(page)
    click.echo(f"{output}: {len(page):,} bytes")


@command.command("check")
@click.argument("uri")
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Use the store of this search.")
def check_command(uri: str, file: Path | None) -> None:
    """Verify checksums, counts and members of the corpus at URI (a folder or s3://)."""
    with open_uri(uri, file) as store:
        report = check(uri, store)
    Console(highlight=False, width=80).print(_table(report))
    for problem in report.problems:
        click.echo(problem, err=True)
    if report.problems:
        raise click.exceptions.Exit(CliExit.INVALID_SPEC)


@command.command("push")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("uri")
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Use the store of this search.")
def push_command(folder: Path, uri: str, file: Path | None) -> None:
    """Upload the corpus FOLDER to URI (s3://…); what is there already is skipped."""
    with open_uri(uri, file) as store:
        if store is None:
            raise click.UsageError("URI must be s3://…")
        store.ensure_bucket(uri.removeprefix("s3://").partition("/")[0])
        report = push(folder, uri, store)
    click.echo(
        f"{report.manifest}: {report.uploaded} objects sent ({report.uploaded_bytes:,} bytes), "
        f"{report.skipped} were there"
    )


def _pairs(columns: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in columns:
        name, equals, column = text.partition("=")
        if not (name and equals and column):
            raise click.BadParameter(f"{text!r} is not FIELD=NAME", param_hint="--column")
        pairs[name] = column
    return pairs


def _findings(report: InspectReport) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("format", report.format, f"{report.files:,} files, {report.n_bytes:,} bytes")
    table.add_row("samples", f"{report.samples:,}", f"{report.turns:,} turns")
    several = f"{report.without_image:,} samples without, {report.several_images:,} with several"
    table.add_row("images", f"{report.images:,}", several)
    if report.widths and report.heights:
        (narrow, wide), (low, high) = report.widths, report.heights
        table.add_row("", "", f"{narrow} to {wide} pixels wide, {low} to {high} high")
    table.add_row("broken", f"{report.broken:,}", "")
    for title, counts in (
        ("origin", report.origins),
        ("concept", report.concepts),
        ("task", report.tasks),
    ):
        for index, (name, n) in enumerate(counts.most_common(MAX_ROWS)):
            table.add_row(title if index == 0 else "", f"{n:,}", name)
        if len(counts) > MAX_ROWS:
            table.add_row("", "", f"… and {len(counts) - MAX_ROWS:,} more")
    return table


def _table(report: CheckReport) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("DOMAIN", no_wrap=True)
    for name in ("SAMPLES", "TOKENS", "SUPERVISED", "SHARE", "SHARDS"):
        table.add_column(name, justify="right")
    for row in report.domains:
        table.add_row(
            row.name,
            f"{row.samples:,}",
            f"{row.tokens:,}",
            f"{row.supervised_tokens:,}",
            f"{row.share:.4f}",
            str(row.shards),
        )
    for benchmark in report.benchmarks:
        halves = f"{benchmark.search}+{benchmark.confirm}"
        table.add_row(benchmark.name, halves, benchmark.metric.value, "", "", "")
    return table


for of_a_cluster in (
    corpus_jobs.jobs_command,
    corpus_jobs.stage_command,
    corpus_jobs.release_command,
):
    command.add_command(of_a_cluster)
