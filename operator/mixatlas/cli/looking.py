"""Looking at a search, wherever it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mixatlas.cli.clusters import Where
from mixatlas.cli.documents import read_document
from mixatlas.driver.seen import Seen
from mixatlas.local.place import look_at


@contextmanager
def look(where: Where) -> Iterator[Seen]:
    """Look at the ledger of a search: of the one that is named on a cluster, or one run here.

    Raises:
        SearchFailed: It was never accepted, or there is none.
        StoreUnavailable, StoreForbidden: Its store cannot be read from here.
    """
    if where.name is None:
        with look_at(read_document(where.file), where.file, where.folder) as seen:
            yield seen
        return
    access = where.open_cluster()
    # Loaded here, as the client is: commands for this machine need no Kubernetes.
    from mixatlas.controller.look import look_at as look_at_cluster

    yield look_at_cluster(access, where.name, os.environ)
