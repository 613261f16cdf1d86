"""The server: opens envelopes, checks them, compares faces, charges exactly once, and answers.

The files read in the order of an envelope's way:

    web            HTTP in and out (`bodies`, `problems`)
    service        one envelope: what it proves, what the server answers
    verification   the opened picture against the account's enrolled face (`faces`, `matching`, `calibration`)
    passwords      the other proof
    settlement     one transaction: counter, payment, money, ledger, stored answer
    group_commit   many of those, one commit
    database       tables, migrations, SQLite or PostgreSQL

`assembly` makes the service of its parts, `home` holds its keys and its database's place, `serving` listens and stops.
`operator_calls` and `operators` hold what needs an operator's token, `vault` encrypts templates at rest, `owner_model`
looks through an operator's face model, `rewrapping` changes the vault key, `invariants` checks a ledger.
"""
