"""`mixatlas corpus jobs | stage | release`: a corpus built by Jobs of a cluster."""

from __future__ import annotations

import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import yaml

from mixatlas import __version__
from mixatlas.cli.clusters import cluster_options, open_cluster
from mixatlas.cli.documents import read_text
from mixatlas.cli.stores import environment_store, is_stored, open_place
from mixatlas.corpus import build, push
from mixatlas.corpus.build import check_centroids
from mixatlas.corpus.document import check_stored, load_document, read_document
from mixatlas.corpus.stage import SharedPlace, Workspace
from mixatlas.corpus.stages import Stages

LINE_S = 30.0
"""Between two lines of progress."""
LOOK_S = 3.0
"""Between two looks at a Job that runs for minutes or hours."""
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?")
_HINT = "Give a corpus document as YAML."


def _stored(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Take a place of a store, without a final slash."""
    if value is not None and not is_stored(value):
        raise click.BadParameter(f"{value!r} is not s3://BUCKET/PREFIX", ctx, param)
    return value and value.rstrip("/")


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)

file_option = click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    default=Path("corpus.yaml"),
    show_default=True,
    help="The corpus document.",
)
work_option = click.option(
    "--work",
    metavar="s3://…",
    callback=_stored,
    required=True,
    help="Where stages leave what they make.",
)
centroids_option = click.option(
    "--centroids",
    metavar="PLACE",
    help="concepts.json of another corpus: its concepts are used, and none are looked for.",
)


@click.command("jobs")
@file_option
@work_option
@click.option(
    "--out", metavar="s3://…", callback=_stored, required=True, help="Where the corpus is to be."
)
@click.option("--name", help="Of the build and its objects  [default: the document's].")
@click.option("-n", "--namespace", default="default", show_default=True)
@click.option("--registry", required=True, help="Of both images, as in `make images REGISTRY=…`.")
@click.option("--tag", default=__version__, show_default=True, help="Of both images.")
@click.option("--endpoint", required=True, help="URL of the store, as pods reach it.")
@click.option("--region", default="us-east-1", show_default=True, help="Of the store.")
@click.option("--secret", help="Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
@click.option("--pull-secret", help="Secret that the images are pulled with.")
@click.option(
    "--gpus", default=0, show_default=True, type=click.IntRange(0), help="Of a pod that embeds."
)
@click.option(
    "--parallelism",
    default=8,
    show_default=True,
    type=click.IntRange(1),
    help="Pods of a stage at a time.",
)
@click.option("--scratch", help="Size of each pod's volume  [default: the node's own disk].")
@centroids_option
def jobs_command(
    file: Path, name: str | None, registry: str, tag: str, centroids: str | None, **choices: object
) -> None:
    """Print the Jobs that build a corpus on a cluster, as YAML for `kubectl apply -f -`."""
    # Loaded here: the other commands need no Kubernetes.
    from mixatlas.controller.corpus_jobs import CorpusBuild, render_build

    text = read_text(file, hint=_HINT)
    settings = read_document(text, filename=str(file))
    check_stored(text, filename=str(file))
    check_centroids(settings, centroids, str(file))
    name = name or file.stem
    if not _NAME.fullmatch(name):
        raise click.BadParameter(
            f"{name!r}: give at most 50 lower-case letters, digits and hyphens, a letter first",
            param_hint="--name",
        )
    jobs = CorpusBuild(
        name=name,
        document=text,
        n_parts=len(settings.sources) * settings.parts,
        has_model=settings.concepts.method != "Column",
        images=(f"{registry}/trainer:{tag}", f"{registry}/operator:{tag}"),
        centroids=centroids,
        **choices,  # type: ignore[arg-type]  # click has checked them
    )
    objects = yaml.dump_all(render_build(jobs), Dumper=_Dumper, sort_keys=False, width=100)
    click.echo(objects, nl=False)


@click.command("stage")
@click.argument("stage", type=click.Choice(["read", "embed", "fit", "assign", "join"]))
@file_option
@work_option
@click.option(
    "--part", type=click.IntRange(0), help="Number of the part to read, embed or assign, from 0."
)
@click.option("--out", metavar="s3://…", callback=_stored, help="Where the joined corpus is to be.")
@centroids_option
def stage_command(
    stage: str,
    file: Path,
    work: str,
    part: int | None,
    out: str | None,
    centroids: str | None,
) -> None:
    """Run one stage of a build whose stages share a place of the store; done work is kept.

    read or embed, and assign, take one part each; fit and join take all.
    """
    if (part is not None) != (stage in ("read", "embed", "assign")):
        raise click.UsageError("read, embed and assign need --part, and no other stage has it")
    if (out is not None) != (stage == "join"):
        raise click.UsageError("join needs --out, and no other stage has it")
    store = environment_store()
    with TemporaryDirectory() as name:
        scratch = Path(name)
        shared = Workspace(scratch / "work", SharedPlace(uri=work, store=store))
        if out is not None:
            report = build(
                file,
                scratch / "corpus",
                work=shared,
                open_files=open_place,
                centroids=centroids,
                on_progress=_Log(),
            )
            store.ensure_bucket(out.removeprefix("s3://").partition("/")[0])
            pushed = push(report.pack.folder, out, store)
            click.echo(f"{pushed.manifest}: {report.pack.samples:,} samples")
            return
        stages = Stages(
            file, load_document(file), work=shared, open_files=open_place, on_progress=_Log()
        )
        if part is None:
            stages.find(stages.read(), centroids)
        else:
            stages.run_part(stage, part)


class _Log:
    """Prints how far a stage is, a line now and then: nobody watches a pod."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def __call__(self, stage: str, done: int, of: int) -> None:
        if time.monotonic() >= self._next_s or done == of:
            click.echo(f"{stage}: {done:,} of {of:,}")
            self._next_s = time.monotonic() + LINE_S


@click.command("release")
@click.argument("jobs", nargs=-1, required=True)
@cluster_options
def release_command(jobs: tuple[str, ...], context: str | None, namespace: str | None) -> None:
    """Release suspended JOBS one after another, each when the one before has completed."""
    # Loaded here: the other commands need no Kubernetes.
    from mixatlas.controller.corpus_jobs import release_in_turn

    access = open_cluster(context, namespace)
    release_in_turn(access.api, access.namespace, jobs, wait=lambda: time.sleep(LOOK_S))
