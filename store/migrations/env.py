"""Alembic's environment: the upgrade runs in the connection, and so in the transaction, that it is handed.

Alembic loads this file and the versions by path, outside the package: nothing of ours can be imported here.
"""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
