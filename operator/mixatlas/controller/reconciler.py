"""One pass of one search: accept it, let its driver work, hand over the winner."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, final

from mixatlas.adapters.clock import SystemClock
from mixatlas.adapters.s3 import S3Settings, S3Store
from mixatlas.contract.errors import (
    ApiRefused,
    CorpusInvalid,
    HistoryMismatch,
    InfeasibleSpace,
    InvalidJobTemplate,
    MixAtlasError,
    SpecError,
    StoreForbidden,
    StoreUnavailable,
)
from mixatlas.contract.reasons import ERRORS
from mixatlas.controller.api import Api
from mixatlas.controller.handover import HandOver, render_output_job
from mixatlas.controller.jobs import JobRunner
from mixatlas.controller.names import config_maps_path, jobs_path
from mixatlas.controller.render import JobPlace, render_job, trainer_image
from mixatlas.controller.settings import OperatorSettings
from mixatlas.controller.sink import ResourceSink
from mixatlas.controller.telemetry import Telemetry
from mixatlas.controller.world import World
from mixatlas.driver.accept import accept
from mixatlas.driver.driver import Driver, Ports
from mixatlas.driver.ports import ObjectStore, Proposer, StartRequest
from mixatlas.ledger.layout import attempt_name, root_of
from mixatlas.plan.conditions import is_accepted, refused, troubled
from mixatlas.plan.finish import latest_winner
from mixatlas.plan.observed import Observed, Running
from mixatlas.spec.load import read_resource
from mixatlas.spec.model import MixtureSearch

Plain = dict[str, Any]
SLOTS = 64
"""What a cluster can run at once is its scheduler's to say; `search.parallelism` is the limit."""
REFUSALS = (SpecError, CorpusInvalid, InfeasibleSpace, HistoryMismatch)
"""What makes a document unacceptable as it stands; anything else passes."""


@dataclass(kw_only=True)
class _Held:
    """What is kept between two passes of a search. All of it can be made anew."""

    driver: Driver
    proposer: Proposer
    sink: ResourceSink
    hand_over: HandOver
    live: MixtureSearch
    generation: int
    """Of `live`: it grows with each edit of `spec`."""
    asked: float | None = None
    """When the proposal that is being made was asked for, in monotonic seconds."""


@final
class Reconciler:
    """Works on searches, one pass a call; calls for different searches may run at once.

    Args:
        api: The cluster.
        world: What the watches have seen.
        settings: Of the operator.
        telemetry: Is told of every pass.
        proposers: From a search's UID to its proposer, which itself makes the search due when it
            has news.
        open_store: Connects to a store.
    """

    def __init__(
        self,
        api: Api,
        world: World,
        settings: OperatorSettings,
        telemetry: Telemetry,
        *,
        proposers: Callable[[str], Proposer],
        open_store: Callable[[S3Settings], ObjectStore] = S3Store,
    ) -> None:
        self._api = api
        self._world = world
        self._settings = settings
        self._telemetry = telemetry
        self._proposers = proposers
        self._open_store = open_store
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def reconcile(self, uid: str) -> float | None:
        """Make one pass.

        Returns:
            Seconds after which the next pass is wanted; None: when something happens.

        Raises:
            MixAtlasError: The pass did not come to its end; the status says why.
        """
        resource = self._world.search(uid)
        if resource is None or "deletionTimestamp" in resource["metadata"]:
            self.drop(uid)
            return None
        try:
            return self._work(uid, resource)
        except MixAtlasError as error:
            self._tell(uid, resource, error)
            raise

    def drop(self, uid: str) -> None:
        """Let go of what is kept of a search."""
        with self._lock:
            held = self._held.pop(uid, None)
        if held is not None:
            held.proposer.close()
            metadata = held.live.metadata
            self._telemetry.forget(metadata.namespace or "", metadata.name)

    def close(self) -> None:
        """Let go of everything."""
        for uid in list(self._held):
            self.drop(uid)

    def _work(self, uid: str, resource: Plain) -> float | None:
        with self._lock:
            held = self._held.get(uid)
        if held is None:
            held = self._take_up(uid, resource)
            with self._lock:
                self._held[uid] = held
        generation = resource["metadata"].get("generation", 0)
        if held.generation != generation:
            held.live, held.generation = read_resource(resource), generation
        observed, n_actions = held.driver.run_pass()
        winner = latest_winner(observed)
        if winner is not None:
            held.hand_over.deliver(observed.accepted, held.live, winner)
        self._tell_telemetry(held, observed)
        return 0.0 if n_actions else None

    def _tell_telemetry(self, held: _Held, observed: Observed) -> None:
        record = observed.accepted.record
        self._telemetry.tell(record.namespace, record.name, held.sink.latest)
        if isinstance(observed.proposal, Running):
            held.asked = held.asked or time.monotonic()
        elif held.asked is not None:
            self._telemetry.proposed(time.monotonic() - held.asked)
            held.asked = None

    def _take_up(self, uid: str, resource: Plain) -> _Held:
        """Accept the document, or go on with it where an earlier process was."""
        search = read_resource(resource)
        place = self._place(search, resource)
        if not is_accepted(resource.get("status") or {}):
            self._try_templates(place)
        storage = search.spec.storage or self._settings.storage
        store = self._open_store(
            S3Settings(
                endpoint=place.endpoint, region=place.region, authority=self._authority(place)
            )
        )
        root = root_of(
            bucket=storage.bucket,
            prefix=storage.prefix,
            namespace=place.namespace,
            name=search.metadata.name,
            uid=uid,
        )
        accepted = accept(
            store,
            search,
            uid=uid,
            root=root,
            image=trainer_image(place),
            find_ledger=partial(self._world.ledger_of, place.namespace),
        )
        sink = ResourceSink(self._api, resource)
        proposer = self._proposers(uid)
        held: _Held
        driver = Driver(
            accepted,
            Ports(
                store=store,
                runner=JobRunner(
                    self._api,
                    self._world,
                    place,
                    on_turnaround=self._telemetry.turned_around,
                    retention_s=self._settings.retention_s,
                ),
                proposer=proposer,
                sink=sink,
                clock=SystemClock(),
            ),
            live=lambda: held.live,
            slots=SLOTS,
            status=resource.get("status"),
        )
        held = _Held(
            driver=driver,
            proposer=proposer,
            sink=sink,
            hand_over=HandOver(self._api, store, sink),
            live=search,
            generation=resource["metadata"].get("generation", 0),
        )
        return held

    def _place(self, search: MixtureSearch, resource: Plain) -> JobPlace:
        """Join what the search and the chart say about trial pods.

        Raises:
            SpecError: Neither names a store.
        """
        settings, own = self._settings, search.spec.storage
        endpoint = (own and own.endpoint) or settings.storage.endpoint
        if endpoint is None:
            raise SpecError(
                "spec.storage.endpoint is missing", hint="Give it, or set the chart's storage."
            )
        return JobPlace(
            search=search,
            namespace=resource["metadata"]["namespace"],
            uid=resource["metadata"]["uid"],
            image=settings.trainer_image,
            gpus=settings.gpus,
            endpoint=endpoint,
            region=(own or settings.storage).region,
            secret=own.secret_name if own else settings.pod_secret,
            pull_secrets=settings.pull_secrets,
            pull_policy=settings.trainer_pull_policy,
            ca_bundle=own.ca_bundle if own else settings.pod_ca_bundle,
            cache_volume=settings.cache_volume,
            cache_gib=settings.cache_gib,
        )

    def _authority(self, place: JobPlace) -> str | None:
        """Return the certificates that the store of a search is trusted by.

        Raises:
            SpecError: Its ConfigMap, or the key in it, is missing.
        """
        own = place.search.spec.storage
        if own is None or own.ca_bundle is None:
            return self._settings.authority
        bundle = own.ca_bundle
        config_map = self._api.get(config_maps_path(place.namespace, bundle.config_map)) or {}
        if bundle.key not in config_map.get("data", {}):
            raise SpecError(
                f"spec.storage.caBundle: ConfigMap {bundle.config_map} has no key {bundle.key}",
                hint="Create it in the search's namespace.",
            )
        return str(config_map["data"][bundle.key])

    def _try_templates(self, place: JobPlace) -> None:
        """Let the API server look at Jobs of the templates, without making any.

        Raises:
            InvalidJobTemplate: It refuses; the words are its own.
        """
        name = attempt_name(place.search.metadata.name, place.uid, 1, 1)
        request = StartRequest(
            name=name, trial=1, attempt=1, digest="0" * 64, trial_uri="", purpose="initial"
        )
        jobs = {"spec.proxy.jobTemplate": render_job(place, request)}
        output = place.search.spec.output
        if output is not None and output.job is not None:
            jobs["spec.output.job"] = render_output_job(place.search, place.namespace, place.uid)
        for field, job in jobs.items():
            try:
                self._api.create(
                    jobs_path(place.namespace), job, dryRun="All", fieldValidation="Strict"
                )
            except ApiRefused as refusal:
                if refusal.status not in (400, 422):
                    raise
                raise InvalidJobTemplate(
                    f"{field}: {refusal.message}", hint="Correct the template."
                ) from refusal

    def _tell(self, uid: str, resource: Plain, error: MixAtlasError) -> None:
        """Say in the status why a pass has failed; what else stood there stays."""
        status: Mapping[str, Any] = resource.get("status") or {}
        reason, _ = ERRORS[type(error)]
        now = time.time()
        if is_accepted(status) or isinstance(error, (StoreUnavailable, StoreForbidden)):
            told = troubled(status, reason, str(error), now)
        elif isinstance(error, REFUSALS):
            generation = resource["metadata"].get("generation", 0)
            told = refused(status, generation, reason, str(error), now)
        else:
            return
        with self._lock:
            held = self._held.get(uid)
        if held is not None:
            held.driver.rewrite_status()
        sink = held.sink if held else ResourceSink(self._api, resource)
        sink.write(told)
