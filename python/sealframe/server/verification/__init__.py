"""Verification of a person: enrolled templates under the vault, thresholds, the comparison."""
