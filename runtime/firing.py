"""What submits the runs of crons in a worker: the facade's own way, over the worker's back ends and connection."""

from __future__ import annotations

from functools import partial

from temporalio.client import Client

from ..activities import BackEnds
from ..contracts.settings import Settings
from ..facade.creation import Creation
from ..facade.firing import Firing
from ..facade.lookup import RunLookup
from ..facade.schedules import Schedules
from ..facade.submission import Submitter
from .keys import shown_users
from .pollers import look_at_pollers


def firing_of(settings: Settings, ends: BackEnds, client: Client) -> Firing:
    """For back ends that are open."""
    store, temporal = ends.store, settings.temporal

    async def connected() -> Client:
        return client

    polling = partial(look_at_pollers, installation=store.installation)
    submitter = Submitter(temporal, polling, store.installation, shown_users(settings))
    lookup = RunLookup(temporal, store, connected)
    creation = Creation(settings, store, ends.bridge, connected, lookup, submitter)
    return Firing(store, creation, Schedules(temporal, connected, store.installation))
