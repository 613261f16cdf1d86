"""Every error that sealframe raises on purpose, as one small tree.

::

    SealframeError
    ├── ImageError          a picture cannot be read, or is outside the limits
    ├── ModelError          a network file is missing, altered or not allowed
    ├── KeyFileError        a key file cannot be read or written safely
    ├── PolicyError         well-formed, but not allowed here
    ├── UnknownKey          no key is known for this envelope
    └── EnvelopeError
        ├── MalformedEnvelope     not an envelope, or cut, or not canonical
        ├── UnsupportedEnvelope   of a version, suite or mode that is not spoken here
        ├── BadSignature          the device's signature does not hold
        ├── CannotOpen            decryption failed (one class, one text, whatever the reason)
        ├── FactorMismatch        the recomputed factor or a digest differs
        ├── StaleCapture          captured outside the accepted time window
        └── ReplayedCapture       accepted before

Messages are sentences for a person and never hold a secret, a pixel or a path's content.
"""


class SealframeError(Exception):
    """Root of all errors that sealframe raises on purpose."""


class ImageError(SealframeError):
    """A picture cannot be read, or lies outside the limits."""


class ModelError(SealframeError):
    """A network file is missing, altered or not allowed."""


class KeyFileError(SealframeError):
    """A key file cannot be read or written safely."""


class PolicyError(SealframeError):
    """The request is well-formed, but this key, store or policy does not allow it."""


class UnknownKey(SealframeError):
    """No key that was given fits this envelope."""


class EnvelopeError(SealframeError):
    """Something is wrong with an envelope."""


class MalformedEnvelope(EnvelopeError):
    """The bytes are no envelope, are cut, or are not in their one canonical form."""


class UnsupportedEnvelope(EnvelopeError):
    """The envelope uses a version, suite, mode, signature or profile that is not spoken here."""


class BadSignature(EnvelopeError):
    """The device's signature does not hold."""


class CannotOpen(EnvelopeError):
    """Decryption failed; deliberately silent about why."""


class FactorMismatch(EnvelopeError):
    """The factor or a digest recomputed from the opened content differs from the sealed one."""


class StaleCapture(EnvelopeError):
    """The capture time lies outside the accepted window."""


class ReplayedCapture(EnvelopeError):
    """This capture, or a later one of the same device, was accepted before."""
