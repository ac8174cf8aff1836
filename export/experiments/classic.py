"""The trials: the classic four families, with and without changed digits, and this project's CRNN read by CTC."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from export.experiments import attention, dram, mnist, networks
from export.experiments.trials import BATCH, Exam, Trial
from export.recogniser import losses_of, make

if TYPE_CHECKING:
    from torch import Tensor

    from export.experiments.mnist import Change, Digits
    from export.experiments.trials import Batches

_PART = 500  # digits that are measured at once


def singles(digits: Digits, generator: torch.Generator, *, change: Change = mnist.NONE) -> Batches:
    """Every digit once, shuffled: float (n, 28, 28) in 0..1 and int64 (n,)."""
    order = torch.randperm(len(digits.images), generator=generator)
    for places in torch.split(order, BATCH):
        images = digits.images[places]
        shown = mnist.as_input(images) if change is mnist.NONE else mnist.changed(images, change, generator)
        yield shown, digits.labels[places]


def strips(digits: Digits, generator: torch.Generator) -> Batches:
    """Single digits and strings of five in turn, until as many were shown as there are: grey strips and classes.

    Yields:
        float (n, 1, 32, 32 or 160) in -1..1, and int64 (n, 1 or 5), classes from 1.

    """
    for number, (places, _) in enumerate(_places(digits, generator)):
        if number % 2:
            shown, labels = mnist.strings(digits, len(places) // 2, mnist.LIGHT, generator)
        else:
            shown = mnist.changed(digits.images[places], mnist.LIGHT, generator, size=mnist.SLOT)
            labels = digits.labels[places].unsqueeze(1)
        yield _as_strips(shown), labels + 1


def reads(network: nn.Module, digits: Digits) -> dict[str, float]:
    """The share of digits read right."""
    return {"digits": _share(network, mnist.as_input(digits.images), digits.labels)}


def reads_strips(network: nn.Module, digits: Digits) -> dict[str, float]:
    """The share of single digits, and of strings of five, whose best path is exactly right."""
    single = functional.pad(digits.images, (2, 2, 2, 2))
    wide, texts = mnist.test_strings(digits, 0)
    return {
        "digits": right_paths(logits_of(network, single), digits.labels.unsqueeze(1)),
        "strings": right_paths(logits_of(network, wide), texts),
    }


@torch.no_grad()
def logits_of(network: nn.Module, images: Tensor) -> Tensor:
    """The CRNN on strips, uint8 (n, 32, w): float (n, T, 11)."""
    parts = [network(_as_strips(mnist.as_input(part))).float() for part in torch.split(images, _PART)]
    return torch.cat(parts)


def right_paths(logits: Tensor, labels: Tensor) -> float:
    """The share of logits (n, T, 11) whose best path spells labels (n, L), 0..9, exactly."""
    classes = logits.argmax(-1)
    fresh = torch.ones_like(classes, dtype=torch.bool)
    fresh[:, 1:] = classes[:, 1:] != classes[:, :-1]
    kept = fresh & (classes > 0)
    length = labels.shape[1]
    spelt = [row[keep] for row, keep in zip(classes, kept, strict=True)]
    return sum(
        len(path) == length and bool((path == label + 1).all()) for path, label in zip(spelt, labels, strict=True)
    ) / len(labels)


def cross_entropy(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Of logits (n, 10)."""
    return functional.cross_entropy(network(inputs).float(), targets)


def squared_hinge(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """What a linear support vector classifier minimises: each class against the rest, margins squared."""
    signs = 2.0 * functional.one_hot(targets, networks.CLASSES) - 1
    return (1 - signs * network(inputs).float()).clamp(min=0).square().sum(1).mean()


def ctc_loss(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean CTC loss a character (Graves et al. 2006)."""
    logits = network(inputs).float()
    return (losses_of(logits, targets, (targets != 0).sum(1)) / targets.shape[1]).mean()


def crnn() -> nn.Module:
    """The plate recogniser's network for strips 32 pixels high and eleven classes; class 0 is the blank."""
    return make(classes=networks.CLASSES + 1, height=mnist.SLOT)


def _places(digits: Digits, generator: torch.Generator) -> Batches:
    order = torch.randperm(len(digits.images), generator=generator)
    for places in torch.split(order, BATCH):
        yield places, digits.labels[places]


def _as_strips(images: Tensor) -> Tensor:
    """Ink on black in 0..1 as the network's grey (n, 1, h, w) in -1..1."""
    return (2 * images - 1).unsqueeze(1).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def _share(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    answers = torch.cat([network(part).argmax(-1) for part in torch.split(images, _PART)])
    return float((answers == labels).double().mean())


def _digits(digits: Digits) -> tuple[Tensor, Tensor]:
    return mnist.as_input(digits.images), digits.labels


def _slots(digits: Digits) -> tuple[Tensor, Tensor]:
    return _as_strips(mnist.as_input(functional.pad(digits.images, (2, 2, 2, 2)))), digits.labels.unsqueeze(1)


def _strings(digits: Digits) -> tuple[Tensor, Tensor]:
    images, texts = mnist.test_strings(digits, 0)
    return _as_strips(mnist.as_input(images)), texts


def _right_classes(outputs: Tensor, labels: Tensor) -> float:
    return float((outputs.argmax(-1) == labels).double().mean())


_DIGIT, _STRIP = torch.zeros(1, mnist.SIDE, mnist.SIDE), torch.zeros(1, 1, mnist.SLOT, mnist.SLOT)
_plain = partial(Trial, batches=singles, loss=cross_entropy, measure=reads, example=_DIGIT)
_varied = partial(_plain, batches=partial(singles, change=mnist.LIGHT))
_FIELD = torch.zeros(1, dram.FIELD, dram.FIELD)
_EXAMS = (Exam("digits", _digits, _right_classes),)
_CTC_EXAMS = (Exam("digits", _slots, right_paths), Exam("strings", _strings, right_paths))

TRIALS = {
    trial.name: trial
    for trial in (
        _plain("svc", networks.linear, loss=squared_hinge, epochs=12, rate=1e-3, coarse=False),
        _plain("mlp", networks.perceptron, epochs=15, rate=1e-3),
        _plain("rnn", partial(networks.Rows, nn.RNN), epochs=20, rate=1e-3, coarse=False),
        _plain("lstm", partial(networks.Rows, nn.LSTM), epochs=20, rate=3e-3, exams=_EXAMS),
        _varied("lstm-varied", partial(networks.Rows, nn.LSTM), epochs=16, rate=3e-3, exams=_EXAMS),
        _plain("ram", attention.Ram, loss=attention.loss, epochs=200, rate=1e-3, coarse=False),
        Trial("dram", dram.Dram, dram.pairs, dram.loss, dram.reads_pairs, _FIELD, epochs=40, rate=1e-3, coarse=False),
        Trial("crnn", crnn, strips, ctc_loss, reads_strips, _STRIP, epochs=20, rate=3e-3, exams=_CTC_EXAMS),
    )
}
