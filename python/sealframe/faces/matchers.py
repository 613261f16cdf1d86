"""Matchers: a face becomes a vector, two vectors a score.

`Matcher` is a contract for plugins: `--model` takes a class as MODULE:NAME, or the file of an ONNX model. The demo
matcher uses the face network that comes with sealframe. It is good enough for drawn or well-lit frontal faces in a
demonstration, no more; a live server refuses it.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from sealframe import _core
from sealframe.errors import ModelError
from sealframe.faces.model_guard import read_owner_model
from sealframe.faces.template import (
    NETWORK,
    cosine,
    encode_face,
    mean_template,
    reaches,
    threshold_units,
)
from sealframe.models import import_onnxruntime, shipped_models

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Embedding = NDArray[np.float32] | NDArray[np.int8]


MIN_ENROLLED_FRAMES = 3
"""Frames of a person that an enrolment takes at least; their mean is what a frame is compared with."""
TRIES_PER_PAYMENT = 5
"""Frames with another face that one payment allows before it asks for the password."""


class Thresholds(NamedTuple):
    """Scores from which two faces count as one person.

    The threshold of an enrolment is lower: an operator watches it, and a frame that its owner would not pay with may
    still improve the mean.

    Parameters
    ----------
    payment : float
        Of a frame against the mean of an enrolment, 0..1.
    agreement : float
        Of every two frames of one enrolment, 0..1.

    Examples
    --------
    >>> from sealframe.faces import Thresholds
    >>> Thresholds(payment=0.5, agreement=0.25).payment
    0.5
    """

    payment: float
    agreement: float


DEMO_THRESHOLDS = Thresholds(payment=0.5, agreement=0.25)
"""Of the demo matcher, where no calibration is given. `sealframe calibrate` finds that strangers pass in
0.7 % (342 people of LFW) and 4 % (30 of ORL) of their tries, and that owners fail in 66 % and 12 % of theirs."""

_ONNX_SIDE = 112


def per_payment(fmr: float, tries: int = TRIES_PER_PAYMENT) -> float:
    """Chance that a stranger passes within the tries of one payment, were the tries independent.

    Parameters
    ----------
    fmr : float
        False match rate of one try, 0..1.
    tries : int
        How many tries one payment allows.

    Returns
    -------
    float
        1 - (1 - fmr)^tries, 0..1.

    Examples
    --------
    >>> from sealframe.faces.matchers import per_payment
    >>> round(per_payment(0.01), 4)
    0.049
    """
    return float(1 - (1 - fmr) ** tries)


class Matcher(Protocol):
    """Contract of a matcher: it makes vectors of faces and compares them.

    `--model MODULE:NAME` names a class of your own. The class is called without arguments, once, when the program
    starts. Several threads may call its methods at once. `VectorMatcher` leaves one method to write. `examples/matcher`
    has an example.

    Attributes
    ----------
    name : str
        What templates and calibrations are made with. Change it when a vector changes its meaning.
    model_sha256 : str
        64 lower-case hexadecimal digits that change with the model. Templates are bound to name and digest.
    demo : bool
        True for a matcher that a live server has to refuse.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.faces import DemoMatcher, Matcher
    >>> matcher: Matcher = DemoMatcher()
    >>> matcher.embed(np.zeros((112, 112), np.uint8)).shape
    (96,)
    """

    name: str
    model_sha256: str
    demo: bool

    def embed(self, face: Pixels) -> Embedding:
        """Make a vector of a face.

        Parameters
        ----------
        face : numpy.ndarray
            The window of `crop_face`, uint8 (S, S) gray or (S, S, 3) RGB, 0..255, any S of at least 1.

        Returns
        -------
        numpy.ndarray
            float32 (d,) or int8 (d,), finite; the same d and dtype for every face.
        """

    def mean(self, vectors: Sequence[Embedding]) -> Embedding:
        """Make one vector of what frames of one person have in common.

        Parameters
        ----------
        vectors : sequence of numpy.ndarray
            At least one vector of `embed`.

        Returns
        -------
        numpy.ndarray
            A vector of the same shape and dtype.
        """

    def score(self, a: Embedding, b: Embedding) -> float:
        """Say how alike two faces are.

        Parameters
        ----------
        a, b : numpy.ndarray
            Vectors of `embed` or `mean`.

        Returns
        -------
        float
            -1..1, higher where more alike.
        """

    def accepts(self, a: Embedding, b: Embedding, threshold: float) -> bool:
        """Say whether two faces count as one person.

        Parameters
        ----------
        a, b : numpy.ndarray
            Vectors of `embed` or `mean`.
        threshold : float
            Of the score, above 0, at most 1.

        Returns
        -------
        bool
            Whether the score reaches the threshold.
        """


class DemoMatcher:
    """The face network that comes with sealframe: templates of 96 signed bytes, compared in integers.

    For demonstrations and tests: trained on one portrait per person, it mistakes too many people. A live server
    refuses it. `models/face_encoder.md` says what it reaches.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.faces import DemoMatcher
    >>> matcher = DemoMatcher()
    >>> vector = matcher.embed(np.tile(np.arange(112, dtype=np.uint8), (112, 1)))
    >>> matcher.accepts(vector, vector, 0.5)
    True
    """

    name = "demo-face-encoder-2"
    demo = True

    def __init__(self) -> None:
        self._models = shipped_models()
        self.model_sha256 = self._models.sha256(NETWORK)

    def embed(self, face: Pixels) -> Embedding:
        """Make the template of a face.

        Parameters
        ----------
        face : numpy.ndarray
            The window of `crop_face`, uint8 (S, S) gray or (S, S, 3) RGB, 0..255, any S of at least 1.

        Returns
        -------
        numpy.ndarray
            int8 (96,).
        """
        return encode_face(face, self._models)

    def mean(self, vectors: Sequence[Embedding]) -> Embedding:
        """Make one template of several, in the direction of their sum.

        Parameters
        ----------
        vectors : sequence of numpy.ndarray
            Templates, int8 (96,), at least one.

        Returns
        -------
        numpy.ndarray
            int8 (96,).
        """
        return mean_template([vector.astype(np.int8) for vector in vectors])

    def score(self, a: Embedding, b: Embedding) -> float:
        """Return the cosine of two templates, for people to read.

        Parameters
        ----------
        a, b : numpy.ndarray
            Templates, int8 (96,).

        Returns
        -------
        float
            -1..1, higher where more alike.
        """
        return cosine(a.astype(np.int8), b.astype(np.int8))

    def accepts(self, a: Embedding, b: Embedding, threshold: float) -> bool:
        """Say whether the cosine of two templates reaches a threshold, decided in integers, the same on every computer.

        Parameters
        ----------
        a, b : numpy.ndarray
            Templates, int8 (96,).
        threshold : float
            Of the cosine, above 0, at most 1.

        Returns
        -------
        bool
        """
        return reaches(a.astype(np.int8), b.astype(np.int8), threshold_units(threshold))


class VectorMatcher(ABC):
    """A matcher that compares vectors by their cosine; a subclass writes `vector` alone.

    Parameters
    ----------
    name : str
        What templates and calibrations are made with.
    model_sha256 : str
        64 lower-case hexadecimal digits that change with the model.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.faces import VectorMatcher
    >>> class MeanColour(VectorMatcher):
    ...     def __init__(self):
    ...         super().__init__("mean-colour-1", "0" * 64)
    ...
    ...     def vector(self, face):
    ...         return face.reshape(-1, face.shape[-1]).mean(0)
    >>> MeanColour().embed(np.full((112, 112, 3), (3, 4, 0), np.uint8))
    array([0.6, 0.8, 0. ], dtype=float32)
    """

    demo = False

    def __init__(self, name: str, model_sha256: str) -> None:
        self.name = name
        self.model_sha256 = model_sha256

    @abstractmethod
    def vector(self, face: Pixels) -> NDArray[np.float32]:
        """Make the model's vector of a face.

        Parameters
        ----------
        face : numpy.ndarray
            uint8 (S, S) gray or (S, S, 3) RGB, any S of at least 1.

        Returns
        -------
        numpy.ndarray
            (d,) numbers; only their direction counts.
        """

    def embed(self, face: Pixels) -> Embedding:
        """Make the model's vector of a face, scaled to length 1.

        Parameters
        ----------
        face : numpy.ndarray
            The window of `crop_face`, uint8 (S, S) gray or (S, S, 3) RGB, 0..255, any S of at least 1.

        Returns
        -------
        numpy.ndarray
            float32 (d,).

        Raises
        ------
        ModelError
            When the vector is not finite.
        """
        return _unit(self.vector(face))

    def mean(self, vectors: Sequence[Embedding]) -> Embedding:
        """Make the mean of vectors, scaled to length 1.

        Parameters
        ----------
        vectors : sequence of numpy.ndarray
            float32 (d,), at least one.

        Returns
        -------
        numpy.ndarray
            float32 (d,).

        Raises
        ------
        ModelError
            When the mean is not finite.
        """
        return _unit(np.mean(vectors, axis=0, dtype=np.float32))

    def score(self, a: Embedding, b: Embedding) -> float:
        """Return the cosine of two vectors.

        Parameters
        ----------
        a, b : numpy.ndarray
            float32 (d,), of length 1.

        Returns
        -------
        float
            -1..1, higher where more alike.
        """
        return float(np.dot(a, b))

    def accepts(self, a: Embedding, b: Embedding, threshold: float) -> bool:
        """Say whether the cosine of two vectors reaches a threshold.

        Parameters
        ----------
        a, b : numpy.ndarray
            float32 (d,), of length 1.
        threshold : float
            Of the cosine, above 0, at most 1.

        Returns
        -------
        bool
        """
        return self.score(a, b) >= threshold


class OnnxMatcher(VectorMatcher):
    """A model in an ONNX file: `--model FILE`.

    The file holds one graph of standard operators, with one input, float32 (1, 3, 112, 112), RGB, scaled by
    (p - 127.5) / 127.5. Its first output is the vector. Templates are bound to the digest of the file.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Raises
    ------
    ModelError
        When the file cannot be read, does what no model here may, or is no such model.

    Examples
    --------
    >>> from sealframe.faces import OnnxMatcher
    >>> OnnxMatcher("no-such.onnx")
    Traceback (most recent call last):
    sealframe.errors.ModelError: ...
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        ort = import_onnxruntime()
        content = read_owner_model(path)
        sha256 = hashlib.sha256(content).hexdigest()
        super().__init__(f"onnx-{sha256[:12]}", sha256)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            (input_,) = self._session.get_inputs()
            self._input = input_.name
            self.embed(np.zeros((_ONNX_SIDE, _ONNX_SIDE, 3), np.uint8))
        except Exception:
            raise ModelError(
                f"{path} is not a face model with one input (1, 3, 112, 112); give another file."
            ) from None

    def vector(self, face: Pixels) -> NDArray[np.float32]:
        """Make the model's vector of a face.

        Parameters
        ----------
        face : numpy.ndarray
            The window of `crop_face`, uint8 (S, S) gray or (S, S, 3) RGB, 0..255; stretched to 112x112.

        Returns
        -------
        numpy.ndarray
            float32 (d,), as the model gives it.
        """
        planes = [_stretched(_plane(face, channel), _ONNX_SIDE) for channel in range(3)]
        tensor = (np.stack(planes)[None].astype(np.float32) - 127.5) / 127.5
        (vector, *_) = self._session.run(None, {self._input: tensor})
        return np.asarray(vector, np.float32).ravel()


def _plane(face: Pixels, channel: int) -> Pixels:
    return face if face.ndim == 2 else np.ascontiguousarray(face[..., channel])


def _stretched(plane: Pixels, side: int) -> Pixels:
    return _core.area_mean(plane, "gray", side, side)


def _unit(vector: NDArray[np.float32]) -> Embedding:
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length):
        raise ModelError("The face model returned values that are not finite; give another model.")
    scaled: Embedding = np.asarray(vector, np.float32) / np.float32(max(length, 1e-9))
    return scaled
