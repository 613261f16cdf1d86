"""Every error that sealframe raises on purpose, as one small tree.

::

    SealframeError
    ├── ImageError          a picture cannot be read, or is outside the limits
    ├── ModelError          a network file is missing, altered or not allowed
    ├── KeyFileError        a key file cannot be read or written safely
    ├── PolicyError         well-formed, but not allowed here
    │   ├── KeyNotValid           a key is revoked, expired or not yet valid: use its successor
    │   ├── LimitExceeded         too many bytes, recipients, frames or numbers: send less, or start anew
    │   ├── CounterAnomaly        a capture counter is missing, damaged, went back or jumped: ask the operator
    │   └── StoreUnavailable      a replay store, counter file or database cannot be used now: try again later
    ├── UnknownKey          no key is known for this envelope
    └── EnvelopeError
        ├── MalformedEnvelope     not an envelope, or truncated, or not canonical
        ├── UnsupportedEnvelope   of a version, suite or mode that is not known here
        ├── BadSignature          the device's signature does not verify
        ├── CannotOpen            decryption failed (one class, one text, whatever the reason)
        ├── FactorMismatch        the recomputed factor or a digest differs
        ├── StaleCapture          captured outside the accepted time window
        └── ReplayedCapture       accepted before

Catch the class that names what you would do about it; a PolicyError that is none of its four subclasses is a refusal
that only another request, key or policy changes. Messages are sentences for a person. They never hold a secret, a pixel
or the content of a file.
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


class KeyNotValid(PolicyError):
    """A key is revoked, expired or not yet valid; its successor, or a corrected clock, is needed."""


class LimitExceeded(PolicyError):
    """More bytes, recipients, frames, seconds or counter values than the format allows."""


class CounterAnomaly(PolicyError):
    """A capture counter is missing, is damaged, went back or jumped; a person has to find out why."""


class StoreUnavailable(PolicyError):
    """A replay store, counter file or database cannot be used now; nothing was accepted or changed."""


class UnknownKey(SealframeError):
    """No key that was given fits this envelope."""


class EnvelopeError(SealframeError):
    """Something is wrong with an envelope."""


class MalformedEnvelope(EnvelopeError):
    """The bytes are no envelope, are truncated, or are not in their one canonical form."""


class UnsupportedEnvelope(EnvelopeError):
    """The envelope uses a version, suite, mode, signature or profile that is not known here."""


class BadSignature(EnvelopeError):
    """The device's signature does not verify."""


class CannotOpen(EnvelopeError):
    """Decryption failed; deliberately silent about why."""


class FactorMismatch(EnvelopeError):
    """The factor or a digest recomputed from the opened content differs from the sealed one."""


class StaleCapture(EnvelopeError):
    """The capture time lies outside the accepted window."""


class ReplayedCapture(EnvelopeError):
    """This capture, or a later one of the same device, was accepted before."""
