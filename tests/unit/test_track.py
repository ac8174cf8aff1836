"""Tracks of boxes that are moved by hand: gaps, crossings, exits and what is kept of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_ocr.config import TrackSettings
from edge_ocr.track import Box, Observation, Tracker
from edge_ocr.types import Direction, Hypothesis, Kind, Quad, Region, Side, Sighting, Stamp, Strip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.track import Track

_WIDTH, _HEIGHT = 640, 480


def _seen(
    frame: int, x: float, y: float, *, width: float = 60.0, score: float | None = -1.0, says: int = 1
) -> Observation:
    """A plate of 60 x 20 pixels around (x, y); without a score nothing could be read."""
    w, h = width / 2, width / 6
    quad = Quad(((x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)), Kind.PLATE, 0.9)
    hypotheses = () if score is None else (Hypothesis((says,), score, 0.0, (0,)),)
    strip = Strip(np.zeros((48, 160), np.uint8), quad)
    sighting = Sighting(frame, strip, np.zeros((4, 3), np.float32), hypotheses)
    stamp = Stamp(frame / 10, 1000.0 + frame / 10, "boot", synced=True)
    return Observation(quad, frame, stamp, sighting, np.zeros((1, 1), np.uint8))


class _Watched:
    """A tracker with the fixed frame size, and all that ended so far."""

    def __init__(self, **settings: float) -> None:
        self.tracker = Tracker(TrackSettings(**settings))  # type: ignore[arg-type]
        self.ended: list[Track] = []

    def step(self, frame: int, *seen: Observation, looked: Sequence[Region] | None = None) -> None:
        self.ended += self.tracker.step(frame, seen, width=_WIDTH, height=_HEIGHT, looked=looked)


def test_a_box_that_moves_far_beyond_its_own_size_is_one_track() -> None:
    watched = _Watched()
    for frame in range(6):
        watched.step(frame, _seen(frame, 50 + 90 * frame, 200))
    (track,) = watched.tracker.tracks
    assert (track.reads, track.first_frame, track.last_frame) == (6, 0, 5)
    assert (track.first.mono, track.last.mono) == (0.0, 0.5)
    assert track.velocity == pytest.approx((90, 0))


def test_a_gap_is_bridged_by_the_prediction() -> None:
    watched = _Watched()
    for frame in (0, 1, 2, 9, 10):
        watched.step(frame, _seen(frame, 50 + 40 * frame, 200))
    (track,) = watched.tracker.tracks
    assert track.reads == 5
    assert watched.ended == []


def test_frames_without_sightings_end_a_track_after_the_set_number() -> None:
    watched = _Watched(max_missed_frames=3)
    watched.step(0, _seen(0, 300, 200))
    for frame in (1, 2, 3):
        watched.step(frame)
        assert len(watched.tracker.tracks) == 1
    watched.step(4)
    assert watched.tracker.tracks == ()
    assert [track.last_frame for track in watched.ended] == [0]


def test_dropped_frames_count_as_missed() -> None:
    watched = _Watched(max_missed_frames=3)
    watched.step(0, _seen(0, 300, 200))
    watched.step(50, _seen(50, 600, 400))
    assert [track.last_frame for track in watched.ended] == [0]
    assert [track.first_frame for track in watched.tracker.tracks] == [50]


def test_a_new_box_elsewhere_begins_a_new_track() -> None:
    watched = _Watched()
    watched.step(0, _seen(0, 100, 100))
    watched.step(1, _seen(1, 105, 100), _seen(1, 500, 400))
    assert [track.reads for track in watched.tracker.tracks] == [2, 1]
    assert [track.number for track in watched.tracker.tracks] == [0, 1]


def test_tracks_that_cross_keep_to_their_ways() -> None:
    watched = _Watched()
    for frame in range(11):
        rightwards, leftwards = _seen(frame, 100 + 40 * frame, 200), _seen(frame, 500 - 40 * frame, 215)
        watched.step(frame, *((leftwards, rightwards) if frame % 2 else (rightwards, leftwards)))
    first, second = watched.tracker.tracks
    assert (first.reads, second.reads) == (11, 11)
    assert (first.box.x, second.box.x) == (500, 100)
    assert (first.direction, second.direction) == (Direction.RIGHT, Direction.LEFT)


def test_tracks_that_cross_unseen_keep_to_their_ways() -> None:
    watched = _Watched()
    for frame in (0, 1, 2, 3, 7, 8, 9):
        watched.step(frame, _seen(frame, 100 + 40 * frame, 200), _seen(frame, 500 - 40 * frame, 200))
    first, second = watched.tracker.tracks
    assert (first.reads, first.box.x) == (7, 460)
    assert (second.reads, second.box.x) == (7, 140)


def test_two_boxes_never_share_a_track_in_one_frame() -> None:
    watched = _Watched()
    watched.step(0, _seen(0, 300, 200))
    watched.step(1, _seen(1, 302, 200), _seen(1, 306, 204))
    assert sorted(track.reads for track in watched.tracker.tracks) == [1, 2]
    assert watched.tracker.tracks[0].box.x == 302


def test_a_box_of_another_size_is_another_plate() -> None:
    watched = _Watched()
    watched.step(0, _seen(0, 300, 200, width=30))
    watched.step(1, _seen(1, 300, 200, width=300))
    assert len(watched.tracker.tracks) == 2


def test_a_plate_that_leaves_the_picture_ends_before_the_gap_is_over() -> None:
    watched = _Watched(max_missed_frames=100)
    for frame in range(4):
        watched.step(frame, _seen(frame, 500 + 40 * frame, 200))
    watched.step(4)
    assert len(watched.tracker.tracks) == 1  # half of it should still be in the picture
    watched.step(5)
    assert [track.direction for track in watched.ended] == [Direction.RIGHT]


@pytest.mark.parametrize(
    ("dx", "dy", "direction"),
    [
        (20, 0, Direction.RIGHT),
        (-20, 5, Direction.LEFT),
        (5, 20, Direction.DOWN),
        (0, -20, Direction.UP),
        (2, 2, None),
    ],
)
def test_direction_is_that_of_the_whole_way_or_none(dx: float, dy: float, direction: Direction | None) -> None:
    watched = _Watched()
    for frame in range(6):
        watched.step(frame, _seen(frame, 320 + dx * frame, 240 + dy * frame))
    assert watched.tracker.tracks[0].direction is direction


def test_only_the_best_reads_are_kept_but_all_are_counted() -> None:
    watched = _Watched(keep=3)
    for frame in range(100):
        watched.step(frame, _seen(frame, 300, 200, score=-abs(50.0 - frame) if frame % 4 else None))
    (track,) = watched.tracker.tracks
    assert (track.reads, track.unread) == (100, 25)
    assert [item.sighting.frame for item in track.best] == [50, 49, 51]


def test_a_track_of_unreadable_frames_keeps_nothing_and_counts_everything() -> None:
    watched = _Watched()
    for frame in range(5):
        watched.step(frame, _seen(frame, 300, 200, score=None))
    (track,) = watched.tracker.finish()
    assert (track.reads, track.unread, track.best) == (5, 5, ())


def test_finish_ends_every_track_once() -> None:
    watched = _Watched()
    watched.step(0, _seen(0, 100, 100), _seen(0, 500, 400))
    assert [track.number for track in watched.tracker.finish()] == [0, 1]
    assert watched.tracker.finish() == []


def test_an_empty_text_scores_as_unread() -> None:
    seen = _seen(0, 300, 200)
    blank = Sighting(0, seen.sighting.strip, seen.sighting.log_probs, (Hypothesis((), -0.1, 0.0, ()),))
    assert replace(seen, sighting=blank).score == -math.inf


def test_a_quad_of_no_size_can_still_be_followed() -> None:
    point = Quad(((5.0, 5.0),) * 4, Kind.PLATE, 0.5)
    assert Box.around(point).length == 1.0


def test_a_new_velocity_is_taken_by_half() -> None:
    watched = _Watched()
    for frame, x in enumerate((100, 110, 130)):
        watched.step(frame, _seen(frame, x, 200))
    assert watched.tracker.tracks[0].velocity == pytest.approx((15, 0))


def test_a_box_of_the_same_size_is_nearer_than_one_of_another_in_its_place() -> None:
    watched = _Watched()
    watched.step(0, _seen(0, 300, 200))
    watched.step(1, _seen(1, 302, 200, width=100), _seen(1, 312, 200))
    assert (watched.tracker.tracks[0].box.x, watched.tracker.tracks[0].box.width) == (312, 60)


def test_the_second_sighting_may_be_twice_as_far_away_as_later_ones_from_where_they_are_expected() -> None:
    watched = _Watched(reach=1.0)
    far = 1.5 * Box.around(_seen(0, 0, 0).sighting.strip.quad).length
    watched.step(0, _seen(0, 100, 200))
    watched.step(1, _seen(1, 100 + far, 200))
    assert [track.reads for track in watched.tracker.tracks] == [2]
    watched.step(2, _seen(2, 100 + 3 * far, 200))
    assert [track.reads for track in watched.tracker.tracks] == [2, 1]


def test_what_nobody_looked_for_is_not_missed_and_stands() -> None:
    watched = _Watched(max_missed_frames=3)
    for frame in range(3):
        watched.step(frame, _seen(frame, 100 + 10 * frame, 200))
    for frame in range(3, 50):
        watched.step(frame, looked=())
    (track,) = watched.tracker.tracks
    assert track.standing
    assert track.missed == 0
    watched.step(50, _seen(50, 121, 200))
    assert [track.seen for track in watched.tracker.tracks] == [4]


def test_what_was_looked_for_in_vain_is_missed_wherever_else_nobody_looked() -> None:
    watched = _Watched(max_missed_frames=3)
    watched.step(0, _seen(0, 300, 200))
    for frame in range(1, 5):
        watched.step(frame, looked=[Region(0, 0, 50, 50), Region(290, 190, 310, 210)])
    assert watched.tracker.tracks == ()


def test_what_is_expected_beyond_the_frame_is_gone_though_nobody_looks_there() -> None:
    watched = _Watched(max_missed_frames=1000)
    for frame in range(4):
        watched.step(frame, _seen(frame, 500 + 40 * frame, 200))
    for frame in range(4, 8):
        watched.step(frame, looked=())
    assert watched.tracker.tracks == ()


def test_a_quad_that_was_seen_but_not_read_moves_its_track_and_counts_as_no_read() -> None:
    watched = _Watched()
    watched.step(0, _seen(0, 100, 200))
    watched.step(1, replace(_seen(1, 120, 200), sighting=None, crop=None))
    (track,) = watched.tracker.tracks
    assert (track.seen, track.reads, track.unread, track.box.x) == (2, 1, 0, 120)


def test_what_is_read_keeps_tracks_apart_that_meet() -> None:
    watched = _Watched()
    for frame in range(6):
        x = 20 * frame
        watched.step(frame, _seen(frame, 200 + x, 200, says=1), _seen(frame, 400 - x, 204, says=2))
    # Both turn round where they meet: by their way alone each would become the other.
    for frame in range(6, 10):
        x = 20 * (10 - frame)
        watched.step(frame, _seen(frame, 200 + x, 200, says=1), _seen(frame, 400 - x, 204, says=2))
    said = [{h.labels for known in track.best for h in known.sighting.hypotheses} for track in watched.tracker.tracks]
    assert said == [{(1,)}, {(2,)}]


@pytest.mark.parametrize(
    ("x", "y", "side"),
    [(40, 240, Side.LEFT), (600, 240, Side.RIGHT), (320, 20, Side.TOP), (320, 460, Side.BOTTOM), (320, 240, None)],
)
def test_a_box_is_at_the_side_that_is_near(x: float, y: float, side: Side | None) -> None:
    assert Box.around(_seen(0, x, y).quad).side(Region(0, 0, _WIDTH, _HEIGHT)) is side


def test_sides_are_those_of_the_zones() -> None:
    assert Box.around(_seen(0, 320, 260).quad).side(Region(0, 240, _WIDTH, _HEIGHT)) is Side.TOP


def test_what_moves_along_nearer_than_two_vehicles_can_be_is_beside() -> None:
    watched = _Watched()
    for frame in range(6):
        watched.step(frame, _seen(frame, 100 + 9 * frame, 200), _seen(frame, 100 + 9 * frame, 150, width=40))
    plate, sticker = watched.tracker.tracks
    assert watched.tracker.beside(sticker) == {plate.number}
    for frame in range(6, 30):  # the plate is gone for long when the sticker goes
        watched.step(frame, _seen(frame, 100 + 9 * frame, 150, width=40))
    assert plate.number in [track.number for track in watched.ended]
    assert watched.tracker.beside(sticker) == {plate.number}


def test_what_only_met_is_not_beside() -> None:
    watched = _Watched()
    for frame in range(12):
        watched.step(frame, _seen(frame, 50 + 40 * frame, 200), _seen(frame, 550 - 40 * frame, 240))
    first, _ = watched.tracker.tracks
    assert watched.tracker.beside(first) == set()


def test_a_sign_that_stands_for_ever_does_not_remember_all_that_passed_beside_it() -> None:
    watched = _Watched(max_missed_frames=0)
    for frame in range(0, 4000, 2):
        watched.step(frame, _seen(frame, 320, 100), _seen(frame, 320, 150))
        watched.step(frame + 1, _seen(frame + 1, 320, 100))
    assert len(watched.ended) == 2000
    assert len(watched.tracker._beside) <= 257
    assert watched.tracker.beside(watched.ended[-1]) == {0}
