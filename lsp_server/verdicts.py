"""What a saved text, or the file that is left in the end, says of a suggestion."""

from __future__ import annotations

import dataclasses

from lsp_server.captured import Verdict
from lsp_server.track import Lines, State, Step, Track, judge, own_fix, removed, standing, taken_out
from whetstone.preferences.outcome import Outcome

EXPIRED = Verdict(outcome=Outcome.EXPIRED)


def still_true(track: Track, lines: Lines) -> bool:
    """Does the text agree with the verdict of an earlier save?"""
    verdict = track.verdict
    if verdict is None:
        return True
    change = track.change
    match verdict.outcome:
        case Outcome.ACCEPTED:
            return change is not None and standing(track, change, lines) == "kept"
        case Outcome.REVERTED:
            return change is not None and taken_out(track, change, lines)
        case Outcome.AMENDED:
            return track.state is State.EDITED and amended(track, lines) == verdict
        case Outcome.SUPERSEDED:
            return own_fix(track, lines) == (verdict.user_lines, verdict.user_kind)
    return removed(track, lines)


def holds(track: Track, lines: Lines, disk: Lines | None) -> bool:
    if not still_true(track, lines):
        return False
    return disk is None or still_true(_on_disk(track, lines, disk), disk)


def at_the_end(track: Track, lines: Lines, disk: Lines | None) -> Verdict:
    """The outcome when nothing more can come, by what is on the disk where that is known."""
    there = track if disk is None else _on_disk(track, lines, disk)
    text = lines if disk is None else disk
    if track.verdict is not None and (disk is None or still_true(there, text)):
        return track.verdict
    if track.rejected:
        return Verdict(outcome=Outcome.REJECTED)  # the events say which
    change = track.change
    if change is None or track.state is State.OFFERED:
        return Verdict(outcome=Outcome.IGNORED)
    if disk is not None and standing(there, change, text) == "kept":
        return of_candidate(Outcome.ACCEPTED, track)  # saved, though no client said so
    was_out = track.state is State.UNDONE or track.verdict is not None
    if was_out and taken_out(there, change, text):
        return of_candidate(Outcome.REVERTED, track)
    return of_candidate(Outcome.EXPIRED, track)


def of_candidate(outcome: Outcome, track: Track) -> Verdict:
    return Verdict(outcome=outcome, candidate_id=track.candidate)


def amended(track: Track, lines: Lines) -> Verdict:
    if removed(track, lines):
        return EXPIRED
    return Verdict(
        outcome=Outcome.AMENDED, candidate_id=track.candidate, user_lines=track.user_lines(lines)
    )


def _on_disk(track: Track, lines: Lines, disk: Lines) -> Track:
    """The track as it would be if the document were what is on the disk."""
    copy = dataclasses.replace(
        track, kept_forms=list(track.kept_forms), old_forms=list(track.old_forms), header=None
    )
    Step(lines, disk).move(copy)
    if copy.change is not None:
        judge(copy, copy.change, disk)
    return copy
