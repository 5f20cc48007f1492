"""Every condition reason with what to do about it, and every error's reason and exit code."""

from __future__ import annotations

from dataclasses import dataclass

from mixatlas.contract import errors
from mixatlas.contract.exit_codes import CliExit


@dataclass(frozen=True, slots=True)
class ReasonText:
    """What a reason means and what to do about it."""

    meaning: str
    remedy: str


REASONS: dict[str, ReasonText] = {
    "Accepted": ReasonText("The document, the corpus and the space are valid.", "Nothing to do."),
    "InvalidSpec": ReasonText(
        "A field cannot be used as written.", "Correct the field that the message names."
    ),
    "NotYetSupported": ReasonText(
        "The field exists, and this version does not act on it.", "Remove the field."
    ),
    "CorpusInvalid": ReasonText(
        "The corpus or a benchmark is missing, damaged or does not fit the document.",
        "Run `mixatlas corpus check URI` and pack the corpus again.",
    ),
    "InfeasibleSpace": ReasonText(
        "No mixture meets all constraints.", "Relax one of the constraints that the message names."
    ),
    "SpaceExhausted": ReasonText(
        "No further mixture lies far enough from those already tried.",
        "Nothing to do: confirmation follows. A larger space needs wider bounds.",
    ),
    "HistoryMismatch": ReasonText(
        "The ledger was begun with another corpus or document, or by a newer version.",
        "Restore the old document and corpus, or use the newer version; or give a new name.",
    ),
    "SpecDrift": ReasonText(
        "An immutable field differs from the accepted document, which stays in force.",
        "Put the field back, or start a search under a new name.",
    ),
    "StorageUnavailable": ReasonText(
        "The object store does not answer.",
        "Check endpoint and network; the search goes on by itself.",
    ),
    "StorageForbidden": ReasonText(
        "The object store refuses access or the bucket is missing.",
        "Check the credentials, their permissions and the bucket's name.",
    ),
    "InvalidJobTemplate": ReasonText(
        "The API server refuses a Job made from `proxy.jobTemplate`.",
        "Correct the field that the message names.",
    ),
    "ApiUnavailable": ReasonText(
        "The API server does not answer.", "Nothing to do; the search goes on by itself."
    ),
    "ApiRefused": ReasonText(
        "The API server refuses a Job, a ConfigMap or a status.",
        "Read the message: a quota, a policy, or a missing permission of the operator.",
    ),
    "ContractViolation": ReasonText(
        "The trainer and the search disagree about a file (exit code 43).",
        "Use a trainer of the same version; the message names the field.",
    ),
    "CorpusCorrupt": ReasonText(
        "A shard is missing or its checksum is wrong (exit code 44, twice).",
        "Restore the shard that the message names.",
    ),
    "ProposerFallback": ReasonText(
        "The surrogate failed or took too long; this round is quasi-random.",
        "Nothing to do; if it repeats, report the message.",
    ),
    "ImageChanged": ReasonText(
        "Trials of one search ran from two trainer images.", "Pin the image by its digest."
    ),
    "TooManyFailures": ReasonText(
        "`budget.maxFailedTrials` was reached, or the first three trials failed alike.",
        "Read `mixatlas logs TRIAL` of the trial that the message names.",
    ),
    "ReferenceFailed": ReasonText(
        "The reference mixture could not be trained, so no gain can be stated.",
        "Read the log of the reference's trials.",
    ),
    "FitFailed": ReasonText("The surrogate could not be fitted.", "Report the message."),
    "SearchLocked": ReasonText(
        "Another process is running this search.", "Wait for it, or end it."
    ),
    "TrainingBase": ReasonText("The shared base is being trained.", "Nothing to do."),
    "PodNotStarted": ReasonText(
        "The pod of a trial has not started for ten minutes.",
        "Read the message: no free node, an image that cannot be pulled, a missing Secret.",
    ),
    "NoProgress": ReasonText(
        "A running trial has told of no progress for 20 minutes.",
        "Read its log; delete its pod if it hangs, and it goes on from its checkpoint.",
    ),
    "Queued": ReasonText(
        "All trials wait for a quota: their Jobs are suspended.", "Nothing to do, or raise it."
    ),
    "Searching": ReasonText("Trials are being trained.", "Nothing to do."),
    "Confirming": ReasonText("Candidates run on unseen seeds and items.", "Nothing to do."),
    "Suspended": ReasonText("`spec.suspend` is true: nothing new starts.", "Set it to false."),
    "Running": ReasonText("Nothing is suspended.", "Nothing to do."),
    "Healthy": ReasonText("Nothing is wrong.", "Nothing to do."),
    "Succeeded": ReasonText("The winner is confirmed.", "Train with `mixatlas export mixture`."),
    "NoGainShown": ReasonText(
        "No candidate is above the reference with 95 % confidence.",
        "Train with the reference, or search on: raise `search.maxTrials` or `confirm.seeds`.",
    ),
    "Failed": ReasonText("The search ended without a winner.", "See the condition's message."),
    "Cancelled": ReasonText("`conclude: Now` ended the search.", "Remove it to go on."),
}


ERRORS: dict[type[errors.MixAtlasError], tuple[str, CliExit]] = {
    errors.SpecError: ("InvalidSpec", CliExit.INVALID_SPEC),
    errors.NotYetSupported: ("NotYetSupported", CliExit.INVALID_SPEC),
    errors.CorpusInvalid: ("CorpusInvalid", CliExit.INVALID_SPEC),
    errors.InfeasibleSpace: ("InfeasibleSpace", CliExit.INFEASIBLE),
    errors.SpaceExhausted: ("SpaceExhausted", CliExit.INFEASIBLE),
    errors.HistoryMismatch: ("HistoryMismatch", CliExit.INVALID_SPEC),
    errors.StoreUnavailable: ("StorageUnavailable", CliExit.STORAGE),
    errors.StoreForbidden: ("StorageForbidden", CliExit.STORAGE),
    errors.InvalidJobTemplate: ("InvalidJobTemplate", CliExit.INVALID_SPEC),
    errors.ApiUnavailable: ("ApiUnavailable", CliExit.STORAGE),
    errors.ApiRefused: ("ApiRefused", CliExit.STORAGE),
    errors.ContractViolation: ("ContractViolation", CliExit.SEARCH_FAILED),
    errors.FitFailed: ("FitFailed", CliExit.SEARCH_FAILED),
    errors.SearchFailed: ("Failed", CliExit.SEARCH_FAILED),
    errors.BuildFailed: ("Failed", CliExit.SEARCH_FAILED),
    errors.SearchLocked: ("SearchLocked", CliExit.USAGE),
}
"""Reason and exit code of every error class; a test keeps it complete."""
