"""Changing the vault key: templates' keys wrapped with the newest one, so that older ones can be destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from sealframe.server.payments.administration import know_vault_key
from sealframe.server.storage.tables import templates
from sealframe.server.verification.verifier import associated_data, sealed_in

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sealframe.server.verification.template_vault import Vault


def rewrap_templates(connection: Connection, vault: Vault, now: int) -> int:
    """Wrap every template's key with the newest vault key.

    Parameters
    ----------
    connection
        In a transaction.
    vault
        Opens what older keys wrapped.
    now
        Milliseconds since 1970.

    Returns
    -------
    int
        How many templates were wrapped anew.

    Raises
    ------
    UnknownKey
        When a template was sealed under a key that the vault lacks.

    """
    know_vault_key(connection, now, vault.newest_key_id)
    rows = connection.execute(
        select(templates).where(templates.c.revoked_at.is_(None), templates.c.vault_key != vault.newest_key_id)
    ).all()
    for row in rows:
        renewed = vault.rewrap(sealed_in(row), associated_data(row.account, row.matcher, row.model_sha256))
        chosen = update(templates).where(templates.c.template_id == row.template_id)
        connection.execute(chosen.values(**renewed._asdict()))
    return len(rows)
