"""What a worker does when a cron fires: it submits the run, as a client would."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ..contracts.actor import bind_actor
from ..contracts.crons import fired_run_id
from ..contracts.errors import InvalidRunError, ThreadBusyError
from ..contracts.types import RunSpec
from ..contracts.wire_cron import FireResult, FiringInput
from ..store.contract import Store
from .creation import Creation
from .crons import mend
from .schedules import Schedules

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Firing:
    """Submits the runs of crons."""

    store: Store
    creation: Creation
    schedules: Schedules

    async def __call__(self, firing: FiringInput) -> FireResult:
        """Raises `InvalidRunError` for what cannot be run (any more), else `UnavailableError`; safe to repeat then."""
        cron = await self.store.crons.get(firing.cron_id)
        spec = await self.store.crons.get_spec(firing.cron_id)
        if cron is None or spec is None:
            await mend(self.store, self.schedules, firing.cron_id)
            return FireResult(reason="the cron was deleted")
        run_id = fired_run_id(firing.cron_id, firing.nominal)
        with bind_actor(cron.user_id):
            return await self._submit(spec.model_copy(update={"run_id": run_id}))

    async def _submit(self, spec: RunSpec) -> FireResult:
        try:
            return FireResult(run_id=(await self.creation.create(spec)).run_id)
        except ThreadBusyError as exc:  # what its strategy wants
            reason = str(exc)
        except InvalidRunError as exc:
            if exc.field != "run_id":
                raise
            reason = str(exc)  # it has been run, and its record is deleted
        logger.warning("a cron has fired in vain: run %s: %s", spec.run_id, reason)
        return FireResult(reason=reason)
