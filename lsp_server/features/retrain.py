"""Retraining from the editor: the question, the run with its progress, and the way back."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lsp_server import training
from lsp_server.features.guard import guarded
from lsp_server.features.progress import Progress
from lsp_server.server import WhetstoneServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lsp_server.training import Event, Run

log = logging.getLogger(__name__)

RETRAIN, ROLLBACK = "whetstone.retrain", "whetstone.rollback"
CHECK_AFTER_S = 5.0  # after a choice: counting is not worth a busy moment
_NOW, _LATER, _NEVER = "Retrain now", "Later", "Don't ask again"
_KEEP, _BACK, _REPORT = "Keep", "Roll back", "Open report"
_REPORT_S = 60.0
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-[0-9a-f]+")


def register(server: WhetstoneServer) -> None:
    trainer = _Trainer(server)
    server.session.settled = trainer.check_soon

    @server.command(RETRAIN)
    @guarded(lambda *_: {"started": False, "reason": "the server failed; see its log"})
    async def retrain(*_: Any) -> dict[str, Any]:
        """Start a run; answered when it has really begun, or says why it does not."""
        reason = await trainer.start()
        return {"started": True} if reason is None else {"started": False, "reason": reason}

    @server.command(ROLLBACK)
    @guarded(lambda *_: {"reason": "the server failed; see its log"})
    async def rollback(*_: Any) -> dict[str, Any]:
        """Serve the model that was active before."""
        return await asyncio.to_thread(_roll_back)


def _roll_back() -> dict[str, Any]:
    from whetstone.errors import WhetstoneError
    from whetstone.models import Registry

    try:
        registry = Registry()
        previous = registry.active_name()
        return {"model": registry.rollback().model_id, "previous": previous}
    except WhetstoneError as error:
        return {"reason": str(error)}


class _Trainer:
    """Asks when there is reason to, and runs one training at a time."""

    def __init__(self, server: WhetstoneServer) -> None:
        self._server = server
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = False

    # -- the question -----------------------------------------------------------------------------

    def check_soon(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(CHECK_AFTER_S, self._check_now)

    def _check_now(self) -> None:
        self._timer = None
        self._spawn(self._propose())

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @guarded()
    async def _propose(self) -> None:
        """Ask, when enough choices have come that no run has seen, and it was not asked today."""
        from whetstone.reminder import Reminder

        session = self._server.session
        settings = session.settings
        if self._running or not settings.notify.retrain or not settings.enabled:
            return
        reminder = await asyncio.to_thread(Reminder)
        if not await asyncio.to_thread(lambda: reminder.due and not training.missing_packages()):
            return
        most = settings.train.min_pairs
        since = await asyncio.to_thread(_last_run)
        new = await asyncio.wrap_future(
            session.recorder.read(
                settings,
                lambda store: len(store.pairs(untrained_only=True, since=since, limit=most)),
                0,
            )
        )
        if new < most or not await asyncio.to_thread(reminder.claim):
            return
        answer = await self._ask(
            f"At least {most} new choices can train the model. It takes some minutes, in the "
            "background.",
            (_NOW, _LATER, _NEVER),
        )
        if answer == _NEVER:
            await asyncio.to_thread(reminder.never)
        elif answer == _NOW and (reason := await self.start()) is not None:
            self._server.warn(f"The model is not retrained: {reason}")

    async def _ask(self, message: str, buttons: tuple[str, ...]) -> str | None:
        answer = await self._server.window_show_message_request_async(
            types.ShowMessageRequestParams(
                type=types.MessageType.Info,
                message=f"Whetstone: {message}",
                actions=[types.MessageActionItem(title=title) for title in buttons],
            )
        )
        return answer.title if answer is not None else None

    # -- the run ----------------------------------------------------------------------------------

    async def start(self) -> str | None:
        """Start a run and follow it in the background; why not, when it does not begin."""
        if self._running:
            return "a training run is in progress already"
        self._running, begun = True, False
        try:
            missing = await asyncio.to_thread(training.missing_packages)
            if missing:
                return training.how_to_install(missing)
            run = await self._begin()
            events = run.events()
            first = await anext(events, None)
            if first is None:
                return run.failure
            begun = True
        except OSError as error:
            return f"{sys.executable}: cannot be started ({error.strerror})"
        finally:
            self._running = begun
        self._spawn(self._follow(run, events, first))
        return None

    async def _begin(self) -> Run:
        from whetstone.paths import data_dir

        runs = data_dir() / "runs"
        await asyncio.to_thread(lambda: runs.mkdir(mode=0o700, exist_ok=True))
        pairs = str(self._server.session.settings.train.min_pairs)
        env = {**os.environ, "WHETSTONE_TRAIN_MIN_PAIRS": pairs}
        return await training.Run.start(
            self._server.session.parts.retrain_command, runs / "retrain.log", env
        )

    @guarded()
    async def _follow(self, run: Run, events: AsyncIterator[Event], first: Event) -> None:
        result = None
        try:
            async with Progress(self._server, "training on your choices") as progress:
                self._tell(progress, first)
                async for event in events:
                    self._tell(progress, event)
                    result = event.result or result
        except asyncio.CancelledError:
            run.stop()
            self._server.inform("training was stopped; the next run goes on from there.")
            return
        finally:
            self._running = False
            self._server.board.training(None)
        if result is None:
            self._server.warn(f"The training run failed: {run.failure}")
        else:
            await self._conclude(result)

    def _tell(self, progress: Progress, event: Event) -> None:
        progress.report(event.text, event.percent)
        self._server.board.training(f"training {event.percent} %", event.text)

    # -- the result -------------------------------------------------------------------------------

    async def _conclude(self, result: dict[str, Any]) -> None:
        facts = _measured(result)
        choice: tuple[str, ...]
        if result.get("promoted") is True:
            message, choice = f"The retrained model is served: {facts}.", (_KEEP, _BACK)
        else:
            why = str(result.get("reason") or "it was not better")
            message, choice = f"Trained, but not promoted ({facts}): {why}.", ()
        answer = await self._ask(message, (*choice, _REPORT))
        if answer == _REPORT:
            await self._open_report(str(result.get("run", "")))
            # The question is still open.
            answer = await self._ask(message, choice) if choice else None
        if answer == _BACK:
            done = await asyncio.to_thread(_roll_back)
            model = done.get("model")
            self._server.inform(f"{model} is served again." if model else done["reason"])

    async def _open_report(self, run: str) -> None:
        command = [sys.executable, "-m", "trainer", "report", Path(run).name, "--no-open"]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), _REPORT_S)
        except TimeoutError:
            process.kill()
            said = b""
        page = Path(said.decode("utf-8", "replace").strip().splitlines()[-1]) if said else None
        if process.returncode != 0 or page is None:
            self._server.warn(f"The report could not be made. Try: trainer report {Path(run).name}")
        elif self._server.session.client.shows_documents:
            shown = types.ShowDocumentParams(uri=page.as_uri(), external=True)
            await self._server.window_show_document_async(shown)
        else:
            self._server.inform(f"the report is {page}")


def _measured(result: dict[str, Any]) -> str:
    """`static set 62 -> 64 of 77, held-out choices 71 % -> 83 %`."""
    before, after = result.get("before"), result.get("after")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return "the file failed verification"
    choices = f"held-out choices {before['accuracy']:.0%} -> {after['accuracy']:.0%}"
    return f"static set {before['solved']} -> {after['solved']} of {after['total']}, {choices}"


def _last_run() -> str | None:
    """When the newest training run began, as the store writes times: choices since are new."""
    from whetstone.paths import data_dir

    names = (path.name for path in (data_dir() / "runs").glob("*-*-*"))
    stamps = [match.groups() for name in names if (match := _STAMP.fullmatch(name))]
    if not stamps:
        return None
    year, month, day, hour, minute, second = max(stamps)
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}.000Z"
