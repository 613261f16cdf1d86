"""The whole way, in order.

Read this first::

    Sealer.seal        image -> capture context -> features -> derived image -> similarity map -> image factor
                       -> security factor -> envelope
    Opener.verify      envelope -> signature -> decryption -> security factor -> image factor anew, compared
    Verified.accept    the one step that changes state: this capture is spent

The capture context comes before the factor because factors with noise draw it from the context's random.
`sealer` seals, `opener` opens, `session` does both for streams of frames under one signed opening.
"""

from sealframe.pipeline.opener import CHECKS, Opened, Opener, Verified
from sealframe.pipeline.sealer import Sealer
from sealframe.pipeline.session import OpenedFrame, OpenSession, SealSession

__all__ = ["CHECKS", "OpenSession", "Opened", "OpenedFrame", "Opener", "SealSession", "Sealer", "Verified"]
