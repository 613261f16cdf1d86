"""How often a matcher errs on the pictures of a site, and the thresholds that follow.

    folder -> faces and vectors -> comparisons -> rates with intervals -> calibration file, DET plot

As at the server, three pictures of a person are enrolled and each other picture is compared with their mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sealframe.acquisition import PICTURE_ENDINGS
from sealframe.calibration.error_rates import Comparisons, Curve, bootstrap, rate_curve
from sealframe.errors import ImageError, PolicyError
from sealframe.faces.detection import FaceProblem, crop_face
from sealframe.faces.matchers import MIN_ENROLLED_FRAMES, TRIES_PER_PAYMENT, per_payment
from sealframe.image import frame_from_bytes, read_picture_file, rgb_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sealframe.faces.detection import FaceDetector
    from sealframe.faces.matchers import Embedding, Matcher

FORMAT = 1
RATES = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)
"""False match rates of a calibration file, where enough strangers were compared to know them."""
_ENDINGS = PICTURE_ENDINGS | {".pgm", ".ppm"}


@dataclass(slots=True)
class FaceSamples:
    """What a matcher makes of a folder of people.

    Parameters
    ----------
    people : dict of str to list of numpy.ndarray
        The vectors of each person.
    pictures : int
        How many pictures there were.
    refused : dict of str to int
        How many of them gave no vector, by reason.
    """

    people: dict[str, list[Embedding]] = field(default_factory=dict)
    pictures: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def not_enrolled(self) -> list[str]:
        """People with fewer usable pictures than an enrolment takes."""
        return [name for name, vectors in self.people.items() if len(vectors) < MIN_ENROLLED_FRAMES]


def encode_folder(folder: Path, matcher: Matcher, detector: FaceDetector, report: Callable[[str], None]) -> FaceSamples:
    """Make a vector of every picture of a folder.

    Parameters
    ----------
    folder : Path
        A folder for each person, with the pictures in it.
    matcher : Matcher
        What makes the vectors.
    detector : FaceDetector
        What finds the face of each picture.
    report : callable
        Called with a line about every person, and with an empty line at the end.

    Returns
    -------
    FaceSamples

    Raises
    ------
    ImageError
        When there is no such folder, or fewer than two people.
    """
    if not folder.is_dir():
        raise ImageError(f"{folder} is not a folder; give a folder with one subfolder for each person.")
    samples = FaceSamples()
    persons = sorted(path for path in folder.iterdir() if path.is_dir())
    for number, person in enumerate(persons, 1):
        report(f"{number}/{len(persons)} people")
        vectors = samples.people.setdefault(person.name, [])
        for path in sorted(path for path in person.iterdir() if path.suffix.lower() in _ENDINGS):
            samples.pictures += 1
            seen = _encode(path, matcher, detector)
            if isinstance(seen, str):
                samples.refused[seen] = samples.refused.get(seen, 0) + 1
            else:
                vectors.append(seen)
    report("")
    if len(persons) < 2:
        raise ImageError(
            f"{folder} needs one subfolder for each of at least two people, with at least four pictures in each."
        )
    return samples


def _encode(path: Path, matcher: Matcher, detector: FaceDetector) -> Embedding | str:
    """The vector of a picture, or why there is none."""
    try:
        face = crop_face(rgb_pixels(frame_from_bytes(read_picture_file(path))), detector)
    except ImageError:
        return "unreadable"
    return face.value if isinstance(face, FaceProblem) else matcher.embed(face)


def single_comparisons(samples: FaceSamples) -> Comparisons:
    """Compare every picture with every other."""
    vectors, owners = _flat(samples.people.values())
    first, second = np.triu_indices(len(vectors), 1)
    scores = _scores(vectors, vectors)[first, second]
    return Comparisons(scores, owners[first], owners[second])


def enrolled_comparisons(samples: FaceSamples, matcher: Matcher) -> Comparisons:
    """Compare the mean of every three pictures of a person, in order, with all pictures but the three."""
    probes, owners = _flat(samples.people.values())
    means, persons, inside, start = [], [], [], 0
    for person, vectors in enumerate(samples.people.values()):
        for first in range(0, len(vectors) - MIN_ENROLLED_FRAMES + 1, MIN_ENROLLED_FRAMES):
            means.append(matcher.mean(vectors[first : first + MIN_ENROLLED_FRAMES]))
            persons.append(person)
            inside.append(start + first)
        start += len(vectors)
    scores = _scores(means, probes)
    outside = np.ones(scores.shape, bool)
    for row, first in enumerate(inside):
        outside[row, first : first + MIN_ENROLLED_FRAMES] = False
    template, probe = np.nonzero(outside)
    return Comparisons(scores[outside], np.array(persons, np.int64)[template], owners[probe])


def _flat(people: Iterable[list[Embedding]]) -> tuple[list[Embedding], NDArray[np.int64]]:
    """All vectors, and the number of the person of each."""
    each = list(people)
    vectors = [vector for person in each for vector in person]
    return vectors, np.repeat(np.arange(len(each)), [len(person) for person in each])


def _scores(templates: Sequence[Embedding], probes: Sequence[Embedding]) -> NDArray[np.float64]:
    """Every cosine, float64 (templates, probes); products of bytes are exact in float64."""
    if not templates or not probes:
        return np.zeros((len(templates), len(probes)))
    rows, columns = (np.stack(each).astype(np.float64) for each in (templates, probes))
    lengths = np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(columns, axis=1)
    return np.asarray(rows @ columns.T / np.maximum(lengths, 1e-9))


def calibrate(samples: FaceSamples, matcher: Matcher, fmr: float) -> tuple[dict[str, Any], dict[str, Curve]]:
    """Measure the error rates of a matcher, and its thresholds.

    Parameters
    ----------
    samples : FaceSamples
        Vectors of at least two people, four or more of each.
    matcher : Matcher
        What made them.
    fmr : float
        The false match rate of one try that is asked for, between 0 and 1.

    Returns
    -------
    report : dict
        The content of the calibration file.
    curves : dict of str to Curve
        What the plot shows: one picture enrolled, three pictures enrolled.

    Raises
    ------
    PolicyError
        When there are too few pictures, or too few comparisons to know this rate.
    """
    one, three = single_comparisons(samples), enrolled_comparisons(samples, matcher)
    pairs, genuine = int((~three.genuine).sum()), int(three.genuine.sum())
    _require_enough(pairs, genuine, fmr)
    people = len(samples.people)
    curves = {"one picture": rate_curve(one), "three pictures": rate_curve(three)}
    report: dict[str, Any] = {
        "format": FORMAT,
        "matcher": matcher.name,
        "model_sha256": matcher.model_sha256,
        "demo": matcher.demo,
        "people": people,
        "pictures": samples.pictures,
        "refused_pictures": samples.refused,
        "failure_to_enrol": len(samples.not_enrolled) / people,
        "enrolled_frames": MIN_ENROLLED_FRAMES,
        "pairs": pairs,
        "genuine": genuine,
        "one_picture": _figures(one, curves["one picture"], people),
        "three_pictures": _figures(three, curves["three pictures"], people),
        "rows": list(_rows(three, curves["three pictures"], people, fmr, pairs)),
        "asked": {"fmr": fmr, "per_payment": per_payment(fmr), "tries": TRIES_PER_PAYMENT},
    }
    return report, curves


def _require_enough(pairs: int, genuine: int, fmr: float) -> None:
    if not pairs or not genuine:
        raise PolicyError(
            "Too few usable pictures: at least two people need four pictures each, with one face in every picture."
        )
    if fmr < 3 / pairs:
        raise PolicyError(
            f"A false match rate of {fmr:g} cannot be known from {pairs} comparisons of strangers; "
            f"add people, or ask for {3 / pairs:.2g} or more."
        )


def _figures(comparisons: Comparisons, curve: Curve, people: int) -> dict[str, Any]:
    intervals = bootstrap(comparisons, people, {"auc": lambda found: found.auc, "eer": lambda found: found.eer})
    return {
        "auc": curve.auc,
        "auc_interval": intervals["auc"],
        "eer": curve.eer,
        "eer_interval": intervals["eer"],
    }


def _rows(comparisons: Comparisons, curve: Curve, people: int, fmr: float, pairs: int) -> Iterator[dict[str, Any]]:
    rates = sorted({fmr, *(rate for rate in RATES if rate >= 3 / pairs)}, reverse=True)
    thresholds = {rate: curve.threshold_at(rate) for rate in rates}
    figures: dict[str, Callable[[Curve], float]] = {}
    for rate, threshold in thresholds.items():
        figures[f"fmr {rate}"] = partial(Curve.fmr_at, threshold=threshold)
        figures[f"fnmr {rate}"] = partial(Curve.fnmr_at, threshold=threshold)
    intervals = bootstrap(comparisons, people, figures)
    for rate, threshold in thresholds.items():
        yield {
            "fmr": rate,
            "threshold": threshold / 1024,
            "measured_fmr": curve.fmr_at(threshold),
            "fmr_interval": intervals[f"fmr {rate}"],
            "fnmr": curve.fnmr_at(threshold),
            "fnmr_interval": intervals[f"fnmr {rate}"],
        }
