"""The envelope: framing, key schedule, writing and reading. It knows nothing of pixels; docs/FORMAT.md has every byte.

The files read in the order of the data's way: `layout` is the framing, `schedule` derives what hangs on what,
`writer` seals, `policy` says what a reader allows, `reader` opens.
"""

from sealframe.envelope.layout import Header, inspect
from sealframe.envelope.policy import DEFAULT_POLICY, Policy
from sealframe.envelope.reader import Unsealed, unseal_envelope
from sealframe.envelope.writer import EnvelopeWriter

__all__ = ["DEFAULT_POLICY", "EnvelopeWriter", "Header", "Policy", "Unsealed", "inspect", "unseal_envelope"]
