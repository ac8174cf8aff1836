"""``python -m export experiments mnist``: train what is missing, quantise, and bring the report up to date.

A quick look, with ``--epochs``, is printed and changes no report but one that ``--page`` names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from export import places

if TYPE_CHECKING:
    import argparse

    from export.experiments.mnist import Digits
    from export.experiments.report import Row
    from export.experiments.trials import Outcome, Trial

_CALIBRATING = 2000  # training digits from which inputs for the ranges of int8 are made
_PAGE = Path("docs/design/experiments.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("subject", choices=["mnist"])
    places.add_arguments(parser)
    parser.add_argument("--only", help="trials to make, separated by commas; all by default")
    parser.add_argument(
        "--epochs", type=int, help="another number than the trial's own, for a quick look; printed only"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--page", type=Path, help=f"with the table; .json and .svg go beside it (without --epochs {_PAGE})"
    )


def run(args: argparse.Namespace) -> int:
    """Make the trials one after the other, on one core; a trial that was finished before is only measured again."""
    if args.epochs is not None and args.epochs < 1:
        print(f"--epochs is {args.epochs}, but a training takes at least one")
        return 2
    import torch  # noqa: PLC0415 - other commands do without

    from export.experiments import mnist, report  # noqa: PLC0415 - the same
    from export.experiments.classic import TRIALS  # noqa: PLC0415 - the same

    torch.set_num_threads(1)
    learn, test = (mnist.load(args.data / "mnist", part) for part in ("train", "t10k"))
    names = list(TRIALS) if args.only is None else args.only.split(",")
    unknown = sorted(set(names) - set(TRIALS))
    if unknown:
        print(f"no trial is called {', '.join(unknown)}; there are {', '.join(TRIALS)}")
        return 2
    page = args.page or (_PAGE if args.epochs is None else None)
    for name in names:
        row = _make(TRIALS[name], learn, test, args, page)
        if page is not None:
            rows = report.store(page.with_suffix(".json"), row)
            report.draw(rows, page.with_suffix(".svg"))
            page.write_text(report.into_page(page.read_text("utf-8"), rows), encoding="utf-8")
        print(report.table({name: row}), flush=True)
    return 0


def _make(trial: Trial, learn: Digits, test: Digits, args: argparse.Namespace, page: Path | None) -> Row:
    from export.experiments import glimpses, report, trials  # noqa: PLC0415 - needs torch
    from export.experiments.networks import multiplications  # noqa: PLC0415 - the same

    folder = args.cache / "experiments"
    if args.epochs is not None:  # its rates fall sooner, so no whole training may go on from it
        folder /= f"{args.epochs}-epochs"
    outcome = trials.train(trial, learn, test, folder, seed=args.seed, epochs=args.epochs)
    if page is not None:
        glimpses.draw(outcome.network, test, page.with_name(f"glimpses-{trial.name}.svg"))
    int8, size, milliseconds = _int8(trial, outcome, learn, test, args.converter)
    return report.Row(
        trial=trial.name,
        seed=args.seed,
        epochs=len(outcome.curve),
        curve=[{what: round(share, 4) for what, share in epoch.items()} for epoch in outcome.curve],
        parameters=sum(parameter.numel() for parameter in outcome.network.parameters()),
        multiplications=multiplications(outcome.network, trial.example),
        seconds=round(outcome.seconds),
        int8=int8,
        size=size,
        milliseconds=milliseconds,
    )


def _int8(
    trial: Trial, outcome: Outcome, learn: Digits, test: Digits, converter: Path
) -> tuple[dict[str, float], int | None, float | None]:
    """What the int8 files of a trial read, and of the first one its size and time."""
    from export.experiments.quantised import quantise  # noqa: PLC0415 - needs torch

    few = type(learn)(learn.images[:_CALIBRATING], learn.labels[:_CALIBRATING])
    shares: dict[str, float] = {}
    size: int | None = None
    milliseconds: float | None = None
    for exam in trial.exams:
        shown, answers = exam.inputs(test)
        made = quantise(outcome.network, exam.inputs(few)[0], shown, converter)
        shares[exam.name] = round(exam.right(made.outputs, answers), 4)
        if size is None:
            size, milliseconds = made.size, round(made.milliseconds, 3)
    return shares, size, milliseconds
