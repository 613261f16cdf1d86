"""What a reader allows. An envelope's bytes select among this; they never widen it."""

from __future__ import annotations

from dataclasses import dataclass

from sealframe.envelope.layout import MAX_ENVELOPE_BYTES, Header, Mode
from sealframe.errors import PolicyError
from sealframe.keys.recipient import Suite, suite_name
from sealframe.keys.signing import SignVersion, sign_name


@dataclass(frozen=True, slots=True)
class Policy:
    """Which kinds of envelope a reader accepts.

    Parameters
    ----------
    suites : frozenset of int
        X-Wing alone by default; X25519 without ML-KEM, and shared keys, are allowed only by naming them.
    sign_versions : frozenset of int
        Signature algorithms; all by default.
    profiles : frozenset of int, optional
        Factor profiles; None allows every one that is installed.
    modes : frozenset of int
        Messages alone by default.
    max_bytes : int
        Size of the largest envelope, at most 1 GiB.

    Examples
    --------
    >>> import sealframe as sf
    >>> from sealframe.keys import Suite
    >>> both = sf.Policy(suites=frozenset({Suite.X_WING, Suite.X25519}))
    """

    suites: frozenset[int] = frozenset({Suite.X_WING})
    sign_versions: frozenset[int] = frozenset(SignVersion)
    profiles: frozenset[int] | None = None
    modes: frozenset[int] = frozenset({Mode.MESSAGE})
    max_bytes: int = MAX_ENVELOPE_BYTES

    def require(self, header: Header) -> None:
        """Require that an envelope is of a kind that is allowed.

        Parameters
        ----------
        header : Header
            What anyone can see of the envelope.

        Raises
        ------
        PolicyError
            When its suite, signature, mode or factor profile is not allowed.
        """
        if header.suite not in self.suites:
            raise PolicyError(
                f"Envelopes of suite {suite_name(header.suite)} are not allowed; allow the suite (--allow-suite)."
            )
        if header.sign_version not in self.sign_versions:
            raise PolicyError(
                f"Envelopes signed with {sign_name(header.sign_version)} are not allowed; change the policy."
            )
        if header.mode not in self.modes:
            raise PolicyError("The envelope opens a session, which this policy does not allow.")
        if self.profiles is not None and header.profile not in self.profiles:
            raise PolicyError(f"Envelopes of factor profile {header.profile} are not allowed; change the policy.")


DEFAULT_POLICY = Policy()
