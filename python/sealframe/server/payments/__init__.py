"""Payments: an attempt from its bytes to its answer, the ledger, what operators change, passwords, invariants."""
