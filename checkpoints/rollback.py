"""Giving a thread back exactly as it was before a run: the idea, which each back end carries out in its own terms.

A run changes a thread in two ways: it adds checkpoints, and it adds pending writes to checkpoints that were there
before (the head that it starts from, an older one that it forks from, those of subgraphs with open interrupts).

* `keep`, before the first write to a checkpoint that the run has not saved itself, marks the checkpoint and copies
  its writes. The mark says whether the checkpoint existed: a write may overtake the checkpoint that it belongs to.
* `restore` deletes what the run has saved, which its id in the metadata or a mark tells, with all writes to it, in
  every namespace; it replaces the writes of the other marked checkpoints by their copies; then it drops both. One
  transaction, behind the fence. A second time finds nothing of the run, and changes nothing.
* `settle` drops marks and copies when the run has ended, and the note with them: without the marks a restore would
  be a partial one, and a run without a note is not restored, unless it has changed nothing.

So a run that is never rolled back pays for a mark and a copy of each older checkpoint that it writes to, most often
none or one, and nothing for a superstep. (Only under LangGraph's durability `async`, where writes often overtake
their checkpoint, there is a mark for each that was overtaken.) Nothing relies on the order of checkpoint ids but what
LangGraph relies on, too: the newest has the largest.
"""

from __future__ import annotations

from ..contracts.errors import RollbackError
from .contract import RunNote

DROPPED = ""
"""In a table, the note of a run that has ended while it had marks: without them nothing tells what it has changed."""


def read_note(text: str | None) -> RunNote | None:
    """The note in a table of runs."""
    return RunNote.model_validate_json(text) if text else None


def check_restorable(
    run_id: str, thread_id: str, note: RunNote | None, *, newest: str | None, follower: str | None
) -> None:
    """Raises `RollbackError` when the thread would not read as it did before the run, or when newer state would go.

    `newest` is the newest root checkpoint that is not the run's; `follower` another run that has written to a
    checkpoint of this one.
    """
    if note is None:
        reason = "how it stood before the run was not noted, or has been dropped because the run has ended"
    elif follower is not None:
        reason = f"run {follower!r} has gone on from there"
    elif newest == note.checkpoint_id:
        return
    elif newest is None:
        reason = f"checkpoint {note.checkpoint_id!r}, at which it stood before the run, is gone"
    else:
        reason = f"it has newer state of somebody else, checkpoint {newest!r}"
    raise RollbackError(run_id, f"thread {thread_id!r} cannot be put back, and was left as it is: {reason}")
