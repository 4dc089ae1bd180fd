"""The search attributes of workflows: by what Temporal's UI and its command line show and find runs and threads."""

from __future__ import annotations

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from .types import RunStatus
from .wire import SEARCH_ASSISTANT_ID, SEARCH_RUN_STATUS, SEARCH_THREAD_ID, SEARCH_USER_ID, RunInput

RUN_STATUS: SearchAttributeKey[str] = SearchAttributeKey.for_keyword(SEARCH_RUN_STATUS)
"""Kept up to date by the run's workflow."""
_THREAD_ID: SearchAttributeKey[str] = SearchAttributeKey.for_keyword(SEARCH_THREAD_ID)
_ASSISTANT_ID: SearchAttributeKey[str] = SearchAttributeKey.for_keyword(SEARCH_ASSISTANT_ID)
_USER_ID: SearchAttributeKey[str] = SearchAttributeKey.for_keyword(SEARCH_USER_ID)


def run_attributes(run: RunInput, user: str | None) -> TypedSearchAttributes:
    """Of a run that is about to start; `user`: as it is shown."""
    status = SearchAttributePair(RUN_STATUS, RunStatus.PENDING.value)
    graph = SearchAttributePair(_ASSISTANT_ID, run.assistant_id)
    return TypedSearchAttributes([graph, status, *thread_attributes(run.thread_id, user)])


def thread_attributes(thread_id: str, user: str | None) -> TypedSearchAttributes:
    """Of a thread; `user`: whose it is, as that is shown."""
    owner = [] if user is None else [SearchAttributePair(_USER_ID, user)]
    return TypedSearchAttributes([SearchAttributePair(_THREAD_ID, thread_id), *owner])
