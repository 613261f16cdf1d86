"""`sealframe calibrate`: how often a matcher errs on the pictures of a site, and the thresholds that follow (M26).

    folder -> faces and vectors -> comparisons -> rates with intervals -> calibration file, DET plot

As at the server, three pictures of a person are enrolled and each other picture is compared with their mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sealframe.calibration.error_rates import Comparisons, Curve, bootstrap, rate_curve
from sealframe.errors import ImageError, PolicyError
from sealframe.faces.detection import crop_face
from sealframe.image import frame_from_bytes, read_picture_file, rgb_pixels
from sealframe.payment_protocol import Code
from sealframe.server.payments.limits import Limits
from sealframe.server.verification.thresholds import per_payment
from sealframe.server.verification.verifier import MIN_ENROLLED_FRAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sealframe.faces.detection import FaceDetector
    from sealframe.faces.matchers import Embedding, Matcher

FORMAT = 1
RATES = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)
_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}


@dataclass(slots=True)
class Site:
    """What the matcher makes of a folder: vectors by person, and pictures that gave none, by reason."""

    people: dict[str, list[Embedding]] = field(default_factory=dict)
    pictures: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def not_enrolled(self) -> list[str]:
        """People with fewer usable pictures than an enrolment takes."""
        return [name for name, vectors in self.people.items() if len(vectors) < MIN_ENROLLED_FRAMES]


def look_at(folder: Path, matcher: Matcher, detector: FaceDetector, progress: Callable[[str], None]) -> Site:
    """Encode every picture of a folder of folders, one for each person. Raises ImageError when there are not two."""
    if not folder.is_dir():
        raise ImageError(f"{folder} is no folder; name one that has a folder for each person.")
    site = Site()
    persons = sorted(path for path in folder.iterdir() if path.is_dir())
    for number, person in enumerate(persons, 1):
        progress(f"{number}/{len(persons)} people")
        vectors = site.people.setdefault(person.name, [])
        for path in sorted(path for path in person.iterdir() if path.suffix.lower() in _ENDINGS):
            site.pictures += 1
            seen = _encode(path, matcher, detector)
            if isinstance(seen, str):
                site.refused[seen] = site.refused.get(seen, 0) + 1
            else:
                vectors.append(seen)
    if len(persons) < 2:
        raise ImageError(f"{folder} needs a folder for each person, at least two, with at least four pictures each.")
    return site


def _encode(path: Path, matcher: Matcher, detector: FaceDetector) -> Embedding | str:
    try:
        face = crop_face(rgb_pixels(frame_from_bytes(read_picture_file(path))), detector)
    except ImageError:
        return "unreadable"
    return face.value if isinstance(face, Code) else matcher.embed(face)


def single_comparisons(site: Site) -> Comparisons:
    """Every picture against every other."""
    vectors, owners = _flat(site.people.values())
    first, second = np.triu_indices(len(vectors), 1)
    scores = _scores(vectors, vectors)[first, second]
    return Comparisons(scores, owners[first], owners[second])


def enrolled_comparisons(site: Site, matcher: Matcher) -> Comparisons:
    """The mean of every three pictures of a person, in order, against all pictures that are not among the three."""
    probes, owners = _flat(site.people.values())
    means, persons, inside, start = [], [], [], 0
    for person, vectors in enumerate(site.people.values()):
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


def _flat(people: Any) -> tuple[list[Embedding], Any]:
    vectors = [vector for each in people for vector in each]
    return vectors, np.repeat(np.arange(len(people)), [len(each) for each in people])


def _scores(templates: Sequence[Embedding], probes: Sequence[Embedding]) -> Any:
    """Every score; products of bytes are exact in float64."""
    if not templates or not probes:
        return np.zeros((len(templates), len(probes)))
    rows, columns = (np.stack(each).astype(np.float64) for each in (templates, probes))
    lengths = np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(columns, axis=1)
    return rows @ columns.T / np.maximum(lengths, 1e-9)


def calibrate(site: Site, matcher: Matcher, fmr: float) -> tuple[dict[str, Any], dict[str, Curve]]:
    """The calibration file's content, and the curves of the plot. Raises PolicyError when there is too little."""
    one, three = single_comparisons(site), enrolled_comparisons(site, matcher)
    pairs, genuine = int((~three.genuine).sum()), int(three.genuine.sum())
    if not pairs or not genuine:
        raise PolicyError("Too few usable pictures: two people need at least four each, one face in every one.")
    if fmr < 3 / pairs:
        raise PolicyError(
            f"A false match rate of {fmr:g} cannot be known from {pairs} comparisons of strangers; "
            f"add people, or ask for {3 / pairs:.2g} or more."
        )
    curves = {"one picture": rate_curve(one), "three pictures": rate_curve(three)}
    report: dict[str, Any] = {
        "format": FORMAT,
        "matcher": matcher.name,
        "model_sha256": matcher.model_sha256,
        "demo": matcher.demo,
        "people": len(site.people),
        "pictures": site.pictures,
        "refused_pictures": site.refused,
        "failure_to_enrol": len(site.not_enrolled) / len(site.people),
        "enrolled_frames": MIN_ENROLLED_FRAMES,
        "pairs": pairs,
        "genuine": genuine,
        "one_picture": _figures(one, curves["one picture"], len(site.people)),
        "three_pictures": _figures(three, curves["three pictures"], len(site.people)),
        "rows": list(_rows(three, curves["three pictures"], len(site.people), fmr, pairs)),
        "asked": {"fmr": fmr, "per_payment": per_payment(fmr), "tries": Limits().mismatches_per_payment},
    }
    return report, curves


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
