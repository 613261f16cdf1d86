"""The envelope: framing, key schedule, writing and reading. It knows nothing of pixels; docs/FORMAT.md has every byte.

Read the files in the order of the data's way: `layout` is the framing. `schedule` derives the keys. `content` encrypts
into `buffers`. `answer` and `session` are what may follow a message. `writer` seals. `policy` says what a reader
allows. `reader` opens.
"""

from sealframe.envelope.answer import Answer, AnswerKey, write_clear_answer
from sealframe.envelope.layout import MAX_START_BYTES, Header, inspect
from sealframe.envelope.policy import DEFAULT_POLICY, Policy
from sealframe.envelope.reader import OpeningKey, SignedStart, Unsealed, check_start, unseal_envelope
from sealframe.envelope.session import SessionFrame, SessionReader, SessionWriter
from sealframe.envelope.writer import EnvelopeWriter

__all__ = [
    "DEFAULT_POLICY",
    "MAX_START_BYTES",
    "Answer",
    "AnswerKey",
    "EnvelopeWriter",
    "Header",
    "OpeningKey",
    "Policy",
    "SessionFrame",
    "SessionReader",
    "SessionWriter",
    "SignedStart",
    "Unsealed",
    "check_start",
    "inspect",
    "unseal_envelope",
    "write_clear_answer",
]
