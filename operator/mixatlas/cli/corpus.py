"""`mixatlas corpus pack | check | push`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from mixatlas.adapters.s3 import S3Store, settings_from
from mixatlas.cli.documents import read_document
from mixatlas.contract.exit_codes import CliExit
from mixatlas.corpus import CheckReport, check, pack, push
from mixatlas.local.place import open_store
from mixatlas.local.state import StateFolder


@click.group()
def command() -> None:
    """Pack labelled samples into shards, check a corpus, push it to S3."""


@command.command("pack")
@click.argument("samples", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--config", required=True, type=click.Path(path_type=Path), help="pack.yaml.")
@click.option("--items", type=click.Path(path_type=Path), help="JSON lines of benchmark items.")
def pack_command(samples: Path, out: Path, config: Path, items: Path | None) -> None:
    """Pack SAMPLES (JSON lines) into the corpus folder OUT."""
    report = pack(samples, out, config=config, items=items)
    n = sum(domain.samples for domain in report.manifest.domains)
    click.echo(
        f"{out}/manifest.json: {len(report.manifest.domains)} domains, {n} samples, "
        f"{len(report.manifest.benchmarks)} benchmarks in {report.seconds:.0f} s"
    )


@command.command("check")
@click.argument("uri")
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Use the store of this search.")
def check_command(uri: str, file: Path | None) -> None:
    """Verify checksums, counts and members of the corpus at URI (a folder or s3://)."""
    with _store(uri, file) as store:
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
    with _store(uri, file) as store:
        if store is None:
            raise click.UsageError("URI must be s3://…")
        store.ensure_bucket(uri.removeprefix("s3://").partition("/")[0])
        report = push(folder, uri, store)
    click.echo(
        f"{report.manifest}: {report.uploaded} objects sent ({report.uploaded_bytes:,} bytes), "
        f"{report.skipped} were there"
    )


@contextmanager
def _store(uri: str, file: Path | None) -> Iterator[S3Store | None]:
    """Open the store of a URI: that of a search, or the one that the environment names."""
    if not uri.startswith("s3://"):
        yield None
    elif file is not None:
        search = read_document(file)
        with open_store(search, StateFolder.of(file, search.metadata.name, None)) as (store, _):
            yield store
    else:
        yield S3Store(settings_from(os.environ, None, "us-east-1"))


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
