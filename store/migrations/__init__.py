"""The migrations of the store's tables (Alembic). `perdure.store.migrate` runs them; there is no `alembic.ini`."""
