"""Capture context: what the device knows at the moment of capture, spliced into one line.

    SF1|POS-0001|1|1767225600000|42|00112233445566778899aabbccddeeff|640x480

Read the files in the order of the data's way: `counter` gives each capture its number. `splice_rule` says how the
parameters become text and back. `context` is the record itself.
"""

from sealframe.capture_context.context import CaptureContext
from sealframe.capture_context.counter import Counter, CounterFile, MemoryCounter
from sealframe.capture_context.splice_rule import DEFAULT_RULE, DEFAULT_RULES, SpliceRule, rules_by_magic

__all__ = [
    "DEFAULT_RULE",
    "DEFAULT_RULES",
    "CaptureContext",
    "Counter",
    "CounterFile",
    "MemoryCounter",
    "SpliceRule",
    "rules_by_magic",
]
