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
    """Root of all errors that sealframe raises on purpose.

    Examples
    --------
    >>> import sealframe as sf
    >>> try:
    ...     sf.read_image("no-such.jpg")
    ... except sf.SealframeError as error:
    ...     print(type(error).__name__)
    ImageError
    """


class ImageError(SealframeError):
    """A picture cannot be read, or lies outside the limits.

    Examples
    --------
    >>> import sealframe as sf
    >>> sf.image_factor(b"these bytes are no picture")
    Traceback (most recent call last):
    sealframe.errors.ImageError: ...
    """


class ModelError(SealframeError):
    """A network file is missing, altered or not allowed.

    Examples
    --------
    >>> from sealframe.models import ModelSet
    >>> ModelSet.from_directory("no-such-folder")
    Traceback (most recent call last):
    sealframe.errors.ModelError: ...
    """


class KeyFileError(SealframeError):
    """A key file cannot be read or written safely.

    Examples
    --------
    >>> import sealframe as sf
    >>> sf.DeviceKey.load("no-such.key")
    Traceback (most recent call last):
    sealframe.errors.KeyFileError: ...
    """


class PolicyError(SealframeError):
    """The request is well-formed, but this key, store or policy does not allow it.

    Examples
    --------
    >>> import sealframe as sf
    >>> sf.read_image("https://example.com/picture.jpg")
    Traceback (most recent call last):
    sealframe.errors.PolicyError: ...
    """


class KeyNotValid(PolicyError):
    """A key is revoked, expired or not yet valid; its successor, or a corrected clock, is needed.

    Examples
    --------
    >>> from sealframe.keys import Validity
    >>> Validity(revoked=True).require(1_767_225_600_000, "device key")
    Traceback (most recent call last):
    sealframe.errors.KeyNotValid: ...
    """


class LimitExceeded(PolicyError):
    """More bytes, recipients, frames, seconds or counter values than the format allows.

    Examples
    --------
    >>> import sealframe as sf
    >>> counter = sf.MemoryCounter(2**64 - 1)
    >>> counter.next()
    18446744073709551615
    >>> counter.next()
    Traceback (most recent call last):
    sealframe.errors.LimitExceeded: ...
    """


class CounterAnomaly(PolicyError):
    """A capture counter is missing, is damaged, went back or jumped; a person has to find out why.

    Examples
    --------
    >>> import sealframe as sf
    >>> sf.CounterFile("lost.counter", create=False).next()
    Traceback (most recent call last):
    sealframe.errors.CounterAnomaly: ...
    """


class StoreUnavailable(PolicyError):
    """A replay store, counter file or database cannot be used now; nothing was accepted or changed.

    Examples
    --------
    >>> import sealframe as sf
    >>> store = sf.SqliteReplayStore("no-such-folder/replay.db")
    >>> store.accept(bytes(16), 1, bytes(16), 1_767_225_600_000)
    Traceback (most recent call last):
    sealframe.errors.StoreUnavailable: ...
    """


class UnknownKey(SealframeError):
    """No key that was given fits this envelope.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> opener = sf.Opener(server, devices=[], freshness=sf.Archive())
    >>> opener.open(sealer.seal(np.zeros((48, 64), np.uint8)))
    Traceback (most recent call last):
    sealframe.errors.UnknownKey: ...
    """


class EnvelopeError(SealframeError):
    """An envelope is damaged, unsupported, forged, stale or a replay.

    Examples
    --------
    >>> import sealframe as sf
    >>> from sealframe.envelope import inspect
    >>> try:
    ...     inspect(b"these bytes are no envelope")
    ... except sf.EnvelopeError as error:
    ...     print(type(error).__name__)
    MalformedEnvelope
    """


class MalformedEnvelope(EnvelopeError):
    """The bytes are no envelope, are truncated, or are not in their one canonical form.

    Examples
    --------
    >>> from sealframe.envelope import inspect
    >>> inspect(b"these bytes are no envelope")
    Traceback (most recent call last):
    sealframe.errors.MalformedEnvelope: ...
    """


class UnsupportedEnvelope(EnvelopeError):
    r"""The envelope uses a version, suite, mode, signature or profile that is not known here.

    Examples
    --------
    >>> from sealframe.envelope import inspect
    >>> inspect(b"\x89SLF\x09" + bytes(200))
    Traceback (most recent call last):
    sealframe.errors.UnsupportedEnvelope: ...
    """


class BadSignature(EnvelopeError):
    """The device's signature does not verify.

    Examples
    --------
    >>> import sealframe as sf
    >>> device = sf.DeviceKey.generate("POS-0001")
    >>> device.public.verify(bytes(64), bytes(32))
    Traceback (most recent call last):
    sealframe.errors.BadSignature: ...
    """


class CannotOpen(EnvelopeError):
    """Decryption failed; the message never says why.

    Examples
    --------
    >>> import sealframe as sf
    >>> sf.SharedKey.generate().unwrap(bytes(48), b"", bytes(16))
    Traceback (most recent call last):
    sealframe.errors.CannotOpen: ...
    """


class FactorMismatch(EnvelopeError):
    """The factor or a digest recomputed from the opened content differs from the sealed one.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import EnvelopeWriter
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> factor, payload = sealer.security_factor_of(np.zeros((48, 64), np.uint8), b"12.50")
    >>> envelope = EnvelopeWriter(server.public, device).write(1, factor, b"99.50", payload)
    >>> sf.Opener(server, devices=[device.public], freshness=sf.Archive()).open(envelope)
    Traceback (most recent call last):
    sealframe.errors.FactorMismatch: ...
    """


class StaleCapture(EnvelopeError):
    """The capture time lies outside the accepted window.

    Examples
    --------
    >>> import sealframe as sf
    >>> live = sf.Live(sf.MemoryReplayStore(), window_s=300, clock=lambda: 1_767_225_600)
    >>> live.check_timestamp(1_767_222_000_000)
    Traceback (most recent call last):
    sealframe.errors.StaleCapture: ...
    """


class ReplayedCapture(EnvelopeError):
    """This capture, or a later one of the same device, was accepted before.

    Examples
    --------
    >>> import sealframe as sf
    >>> store = sf.MemoryReplayStore()
    >>> store.accept(bytes(16), 7, bytes(16), 1_767_225_600_000)
    >>> store.accept(bytes(16), 7, bytes(16), 1_767_225_600_000)
    Traceback (most recent call last):
    sealframe.errors.ReplayedCapture: ...
    """
