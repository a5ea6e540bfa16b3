"""Which proved candidates are worth showing to this user: those that they are likely to keep."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lsp_server.recorder import Recorder
from whetstone.settings import Settings

if TYPE_CHECKING:
    from whetstone.candidate import Proposal
    from whetstone.confidence import Confidence, Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A proposal with the candidates that are shown, and why the others are not."""

    proposal: Proposal
    confidence: dict[str, Estimate] = field(default_factory=dict)  # by candidate
    hidden: tuple[Estimate, ...] = ()
    cut: float = 0.0

    @property
    def reason(self) -> str:
        """Why proved candidates were kept back; empty when none was."""
        if not self.hidden:
            return ""
        many = f"{len(self.hidden)} fixes were" if len(self.hidden) > 1 else "1 fix was"
        return f"{many} proved, but {self.hidden[0].reason} (the threshold is {self.cut:.2f})"


class Judge:
    """Holds the user's history. Only the event loop touches it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._confidence: Confidence | None = None
        self._fresh = False

    def stale(self) -> None:
        """Another choice was recorded."""
        self._fresh = False

    async def refresh(self) -> None:
        """Read the history when it has changed; from the disk, so off the event loop."""
        if not self._fresh:
            self._fresh = True
            history = await asyncio.wrap_future(self._recorder.choices())
            from whetstone.confidence import Confidence  # off the start-up path

            self._confidence = Confidence(history)

    def judge(self, proposal: Proposal, settings: Settings) -> Judged:
        """Candidates below the cut become rejected ones: they were not shown."""
        from whetstone.confidence import Confidence, features_of

        confidence = self._confidence or Confidence()
        cut = confidence.cut(settings.threshold)
        code = proposal.diagnostic.code
        estimates = {
            each.id: confidence.of(features_of(each, proposal.candidates, code))
            for each in proposal.candidates
        }
        shown = [each for each in proposal.candidates if estimates[each.id].probability >= cut]
        hidden = [each for each in proposal.candidates if estimates[each.id].probability < cut]
        return Judged(
            proposal=dataclasses.replace(
                proposal, candidates=tuple(shown), rejected=(*proposal.rejected, *hidden)
            ),
            confidence={each.id: estimates[each.id] for each in shown},
            hidden=tuple(estimates[each.id] for each in hidden),
            cut=cut,
        )
