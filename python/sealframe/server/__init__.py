"""The server: opens envelopes, checks them, compares faces, charges exactly once, and answers.

The folders read in the order of an envelope's way:

    http/            the application and its routes, request limits, problems, metrics, logs
    payments/        an attempt from its bytes to its answer: recognise, open, verify the person, settle
    verification/    the opened picture against the account's enrolled face; templates under the vault; thresholds
    storage/         tables and migrations, SQLite or PostgreSQL, compiled statements, group commit

`payments/administration` holds what needs an operator's token, `payments/invariants` checks a ledger. `assembly` makes
the service of its parts, `home` holds its keys and its database's place, `serving` listens and stops, `rewrapping`
changes the vault key.
"""
