"""The plate detector's network, its loss, and the float master that comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn.functional import pixel_unshuffle
from torch.utils.data import IterableDataset

from edge_ocr import bundle
from edge_ocr.types import Kind
from export import detector
from export.detector import Plan
from export.detector_data import Batch, Folders, _batch
from export.detector_loss import boxes, detector_loss, flatten, overlaps
from export.detector_net import FOLD, DetectorNet
from export.detector_packing import export_onnx
from export.detector_targets import STRIDES, UNITS, cell_centres
from export.master import load_detector, settle
from export.synthetic.scenes import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = Path(bundle.__file__).parent / "models"
SIZE, INPUT = (192, 128), (640, 384)


@pytest.fixture(scope="module")
def net() -> DetectorNet:
    torch.manual_seed(0)
    return DetectorNet()


def _made(*boxes: tuple[float, float, float, float], complete: bool = True) -> Batch:
    """A batch of one grey scene with upright plates, white on black."""
    image = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    quads = []
    for x, y, w, h in boxes:
        image[int(y) : int(y + h), int(x) : int(x + w)] = 255
        quads.append([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
    corners = np.array(quads, np.float32).reshape(-1, 4, 2)
    return _batch(SIZE, [Scene(image, corners, np.ones(len(corners), bool), complete)])


def _answers(batch: Batch, logit: float) -> list[torch.Tensor]:
    """Outputs that place every wanted corner exactly, with a logit on the plates' cells and none elsewhere."""
    centres = torch.from_numpy(cell_centres(SIZE)).repeat(1, 4)
    logits = torch.where(batch.plate[0] > 0, logit, -20.0)
    outputs, start = [], 0
    for stride in STRIDES:
        columns, rows = SIZE[0] // stride, SIZE[1] // stride
        part = slice(start, start + columns * rows)
        unit = torch.tensor([stride * UNITS[0], stride * UNITS[1]] * 4)
        offsets = (batch.corners[0] - centres)[part] / unit
        outputs += [logits[part].reshape(1, 1, rows, columns), offsets.T.reshape(1, 8, rows, columns)]
        start = part.stop
    return outputs


def test_every_scale_gives_a_score_and_eight_offsets_a_cell(net: DetectorNet) -> None:
    shapes = [tuple(output.shape) for output in net.eval()(torch.zeros(2, 1, 128, 192))]
    assert shapes == [
        (2, 1, 16, 24), (2, 8, 16, 24), (2, 1, 8, 12), (2, 8, 8, 12), (2, 1, 4, 6), (2, 8, 4, 6),
    ]  # fmt: skip


def test_a_network_fits_the_size_that_a_bundle_may_have(net: DetectorNet) -> None:
    assert sum(parameter.numel() for parameter in net.parameters()) < 560_000


def test_cells_are_told_in_the_order_of_their_centres() -> None:
    batch = _made((60, 40, 64, 24))
    logits, offsets = flatten(_answers(batch, 5.0))
    cells = batch.plate > 0
    assert torch.equal(logits > 0, cells)
    corners = (offsets + torch.from_numpy(cell_centres(SIZE)).repeat(1, 4))[cells]
    assert torch.allclose(corners, batch.corners[cells], atol=1e-3)


def test_perfect_answers_cost_almost_nothing() -> None:
    batch = _made((60, 40, 64, 24))
    loss = detector_loss(_answers(batch, 12.0), batch)
    assert loss.total.item() < 0.01
    assert loss.overlap.item() == pytest.approx(1, abs=1e-3)


def test_a_missed_plate_costs_more_than_a_doubtful_one() -> None:
    batch = _made((60, 40, 64, 24))
    missed, doubtful = (detector_loss(_answers(batch, logit), batch).score.item() for logit in (-6.0, 0.0))
    assert missed > 3 * doubtful


def test_something_made_up_costs_unless_the_scene_may_hold_plates_that_nobody_labelled() -> None:
    complete, incomplete = _made(), _made(complete=False)
    outputs = _answers(complete, 0.0)
    outputs[0][0, 0, 5, 5] = 4.0
    assert detector_loss(outputs, complete).score.item() > 1
    assert detector_loss(outputs, incomplete).score.item() < 0.01


def test_a_scene_without_plates_can_be_learned_from(net: DetectorNet) -> None:
    loss = detector_loss(net.train()(_made().image), _made())
    loss.total.backward()
    assert torch.isfinite(loss.total)


def test_a_few_steps_on_one_scene_find_its_plate() -> None:
    torch.manual_seed(1)
    net, batch = DetectorNet().train(), _made((60, 40, 64, 24))
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3)
    losses = []
    for _ in range(25):
        loss = detector_loss(net(batch.image), batch)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        losses.append(loss.total.item())
    assert losses[-1] < losses[0] / 2


def test_overlaps_are_those_of_the_boxes_around_corners() -> None:
    corners = torch.tensor([[0.0, 1, 4, 0, 4, 4, 0, 3], [0, 0, 4, 0, 4, 4, 0, 4]])
    assert boxes(corners)[0].tolist() == [0, 0, 4, 4]
    other = torch.tensor([[2.0, 0, 6, 4], [9, 9, 10, 10]])
    assert overlaps(boxes(corners), other).tolist() == pytest.approx([1 / 3, 0])


def test_the_master_means_what_the_network_means(net: DetectorNet, tmp_path: Path) -> None:
    path = tmp_path / "master.onnx"
    export_onnx(net, path, INPUT)
    image = torch.randn(1, 1, INPUT[1], INPUT[0])
    with torch.no_grad():
        expected = net.eval()(image)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": pixel_unshuffle(image, FOLD).numpy()})
    assert [output.name for output in session.get_outputs()][:2] == ["score_8", "offsets_8"]
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one.numpy(), other, atol=1e-3)


def test_the_master_says_nothing_of_the_machine_that_exported_it(net: DetectorNet, tmp_path: Path) -> None:
    path = tmp_path / "master.onnx"
    export_onnx(net, path, INPUT)
    written = path.read_bytes()
    assert b"detector_net" not in written
    assert str(Path(torch.__file__).parent).encode() not in written


class _Stream(IterableDataset[Batch]):
    """The same scene without end, in the place of composed ones."""

    def __init__(self, *_: object, **__: object) -> None:
        """Take what the stream of composed scenes takes."""

    def __iter__(self) -> Iterator[Batch]:
        while True:
            yield _made((60, 40, 64, 24))


def test_a_training_from_a_master_measures_batches_as_one_from_nothing_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(detector, "SceneStream", _Stream)
    master, checkpoint = MODELS / "plate-detector" / "model.onnx", tmp_path / "checkpoint.pt"
    plan = Plan(minutes=1 / 60, workers=0)
    trained = detector.train(Kind.PLATE, Folders(tmp_path, tmp_path), plan, checkpoint, master)
    assert trained.scenes > 1
    before, after = load_detector(master).state_dict(), torch.load(checkpoint, weights_only=True)["network"]
    moved = [name for name in before if name.endswith("running_mean") and not torch.equal(before[name], after[name])]
    assert len(moved) == sum(name.endswith("running_mean") for name in before)


def test_a_training_goes_on_from_a_master_as_if_from_the_network_itself(tmp_path: Path) -> None:
    torch.manual_seed(2)
    net = DetectorNet().train()
    image = torch.randn(2, 1, 128, 192)
    net(image)  # statistics of a batch, so that folding them means something
    path = tmp_path / "master.onnx"
    export_onnx(net.eval(), path, INPUT)
    with torch.no_grad():
        pairs = zip(net(image), load_detector(path)(image), strict=True)
        assert max(float((one - other).abs().max()) for one, other in pairs) < 1e-4


@torch.no_grad()
def test_a_settled_detector_learns_from_where_it_stood() -> None:
    image = _made((30, 40, 60, 20), (110, 70, 40, 12)).image + 0.05 * torch.randn(4, 1, SIZE[1], SIZE[0])
    shipped = load_detector(MODELS / "plate-detector" / "model.onnx")
    wanted = shipped(image)
    settle(shipped, image)
    for learning in (False, True):
        pairs = zip(shipped.train(learning)(image), wanted, strict=True)
        assert max(float((one - other).abs().max()) for one, other in pairs) < 0.05


def test_a_master_of_another_network_is_told_apart() -> None:
    with pytest.raises(ValueError, match="of another network"):
        load_detector(MODELS / "plate" / "model.onnx")


def test_the_shipped_master_can_be_trained_on() -> None:
    shipped = load_detector(MODELS / "plate-detector" / "model.onnx")
    assert float(shipped.get_parameter("score.bias").detach()) < 0
