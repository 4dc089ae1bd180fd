"""What becomes of a workflow when a newer version of the workers is deployed."""

from __future__ import annotations

from temporalio.common import VersioningBehavior

EACH_VERSION = VersioningBehavior.AUTO_UPGRADE
"""It goes on with the current version: its history replays there, which tests/determinism proves for each change.

Pinned, a run that waits for months would need its old workers for as long. Workers without versioning ignore it; it
stands on all workflows, for one that was begun without could not go over to versioned workers later.
"""
