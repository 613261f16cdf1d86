"""Alembic's entrance: migrations run on the connection that `Database.migrate` gives."""

from __future__ import annotations

from alembic import context

from sealframe.server.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
context.run_migrations()
