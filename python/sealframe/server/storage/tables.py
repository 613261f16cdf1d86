"""The tables. Times are Unix milliseconds, amounts integers of a currency's smallest unit, ids lowercase hexadecimal.

Counters are text of 20 digits: they reach 2^64 - 1, SQLite's integers end at 2^63 - 1, and text of equal length
compares as its number does.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

COUNTER_DIGITS = 20
BEFORE_THE_FIRST = "-"
"""Sorts before every counter."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ROW_ID = BigInteger().with_variant(Integer, "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("floor", BigInteger, nullable=False),
    Column("payment_limit", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("balance >= floor", name="floor"),
)

templates = Table(
    "templates",
    metadata,
    Column("template_id", String(32), primary_key=True),
    Column("account", String(64), ForeignKey("accounts.account"), nullable=False, index=True),
    Column("matcher", String(64), nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("vault_key", String(32), ForeignKey("keys.key_id"), nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

devices = Table(
    "devices",
    metadata,
    Column("device", String(32), primary_key=True),
    Column("serial", String(96), nullable=False, index=True),
    Column("record", Text, nullable=False),
    Column("sign_version", Integer, nullable=False),
    Column("status", String(8), nullable=False),
    Column("last_counter", String(COUNTER_DIGITS), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("status IN ('active', 'revoked')", name="status"),
)

payments = Table(
    "payments",
    metadata,
    Column("payment_id", String(36), primary_key=True),
    Column("account", String(64), nullable=False),
    Column("payee", String(64), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("device", String(32), ForeignKey("devices.device")),
    Column("state", String(9), nullable=False),
    Column("method", String(8)),
    Column("mismatches", Integer, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("refunded >= 0 AND refunded <= amount", name="refunded"),
    CheckConstraint("state IN ('open', 'posted', 'cancelled', 'expired')", name="state"),
)

refunds = Table(
    "refunds",
    metadata,
    Column("refund_id", String(36), primary_key=True),
    Column("payment_id", String(36), ForeignKey("payments.payment_id"), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("amount > 0", name="amount"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("envelope_id", String(64), primary_key=True),
    Column("device", String(32), ForeignKey("devices.device"), nullable=False),
    Column("counter", String(COUNTER_DIGITS), nullable=False),
    Column("message_id", String(32), nullable=False, unique=True),
    Column("payment_id", String(36), index=True),
    Column("action", String(8), nullable=False),
    Column("code", String(32), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("received_at", BigInteger, nullable=False, index=True),
    UniqueConstraint("device", "counter"),
)

entries = Table(
    "entries",
    metadata,
    Column("entry", _ROW_ID, primary_key=True, autoincrement=True),
    Column("payment_id", String(36), ForeignKey("payments.payment_id"), nullable=False, index=True),
    Column("refund_id", String(36), ForeignKey("refunds.refund_id"), index=True),
    Column("account", String(64), ForeignKey("accounts.account"), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("amount <> 0", name="amount"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("account", String(64), ForeignKey("accounts.account"), primary_key=True),
    Column("password_hash", Text, nullable=False),
)

password_misses = Table(
    "password_misses",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("misses", Integer, nullable=False),
    Column("missed_at", BigInteger, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
)
"""By the account that was claimed, whether there is one or not: a lock must not tell."""

face_failures = Table(
    "face_days",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("misses", Integer, nullable=False),
)

operators = Table(
    "operators",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

keys = Table(
    "keys",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("retired_at", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("action", String(32), nullable=False),
    Column("subject", String(96), nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_audit_subject_action", "subject", "action"),
)

APPEND_ONLY = (entries, audit)
