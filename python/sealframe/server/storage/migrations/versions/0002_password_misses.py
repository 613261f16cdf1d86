"""Wrong passwords are counted by the account that was claimed, whether it exists or not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward; what is locked stays locked."""
    op.create_table(
        "password_misses",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("missed_at", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_password_misses")),
    )
    op.execute(
        "INSERT INTO password_misses SELECT account, misses, locked_until, locked_until FROM credentials "
        "WHERE misses > 0 OR locked_until > 0"
    )
    op.drop_column("credentials", "misses")
    op.drop_column("credentials", "locked_until")


def downgrade() -> None:
    """Bring the tables back; misses for accounts that have no password are forgotten."""
    op.add_column("credentials", sa.Column("misses", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("credentials", sa.Column("locked_until", sa.BigInteger(), nullable=False, server_default="0"))
    for column in ("misses", "locked_until"):
        op.execute(
            f"UPDATE credentials SET {column} = COALESCE((SELECT {column} FROM password_misses m "  # noqa: S608
            "WHERE m.account = credentials.account), 0)"
        )
    op.drop_table("password_misses")
