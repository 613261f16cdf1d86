"""`sealframe calibrate`: how often a matcher errs on the pictures of a site, and the thresholds that follow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealframe.cli.options import add_matcher, rate
from sealframe.cli.printing import print_json, show_progress
from sealframe.cli.report_files import add_report, require_report_places, write_report

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe calibrate people --fmr 1e-2 --model face.onnx --out shop.json"


def add_options(parser: ArgumentParser) -> None:
    """Pictures, matcher, rate, and where thresholds and plot go."""
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        type=Path,
        help="the pictures: one subfolder for each person, at least four pictures in each",
    )
    parser.add_argument(
        "--fmr",
        metavar="RATE",
        type=rate,
        default=1e-2,
        help="find thresholds for this false match rate (default: 0.01)",
    )
    add_matcher(parser)
    add_report(parser, "calibration.json", "the thresholds")


def run(options: Namespace) -> int:
    """Measure, write the files, print the table."""
    from sealframe.calibration.det_plot import draw_det
    from sealframe.calibration.measurement import calibrate, encode_folder
    from sealframe.faces.plugins import choose_detector, choose_matcher

    matcher, detector = choose_matcher(options.model), choose_detector(options.detector)
    require_report_places(options)
    samples = encode_folder(options.folder, matcher, detector, show_progress)
    report, curves = calibrate(samples, matcher, options.fmr)
    write_report(options, report, draw_det(curves, report))
    if options.json:
        print_json(report)
    else:
        _print_report(report)
        print(f"Written: {options.out}, {options.out.with_suffix('.png')}")
    return 0


def _print_report(report: dict[str, Any]) -> None:
    _print_pictures(report)
    _print_rates(report)
    asked = report["asked"]
    print(
        f"\nAt FMR {asked['fmr']:.3%} a stranger passes one payment of {asked['tries']} tries with"
        f" {asked['per_payment']:.2%}.\nRates hold for faces, cameras and light like these, not elsewhere."
    )


def _print_pictures(report: dict[str, Any]) -> None:
    refused = ", ".join(f"{count} {reason}" for reason, count in sorted(report["refused_pictures"].items())) or "none"
    print(f"matcher            {report['matcher']}{'  (for demonstrations only)' if report['demo'] else ''}")
    print(f"people, pictures   {report['people']}, {report['pictures']}; refused: {refused}")
    print(f"failure to enrol   {report['failure_to_enrol']:.1%} of the people have fewer than three usable pictures")
    print(f"comparisons        {report['genuine']} of the same person, {report['pairs']} of strangers")


def _print_rates(report: dict[str, Any]) -> None:
    for name in ("one_picture", "three_pictures"):
        figures = report[name]
        auc, eer = _between(figures["auc_interval"], ".3f"), _between(figures["eer_interval"], ".1%")
        print(
            f"{name.replace('_', ' ') + ' enrolled':24} AUC {figures['auc']:.3f} {auc}  EER {figures['eer']:.1%} {eer}"
        )
    print("\n    FMR       95 %                 FNMR    95 %                 threshold")
    for row in report["rows"]:
        print(
            f"    {row['fmr']:<8.3%}  {_between(row['fmr_interval'], '.3%'):20} {row['fnmr']:<7.1%}"
            f" {_between(row['fnmr_interval'], '.1%'):20} {row['threshold']:.4f}"
        )


def _between(interval: tuple[float, float], form: str) -> str:
    return f"[{interval[0]:{form}}, {interval[1]:{form}}]"
