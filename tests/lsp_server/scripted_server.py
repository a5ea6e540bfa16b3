"""The real server with a scripted engine, started by the tests as a process of its own.

    python scripted_server.py CONFIG.json [arguments of whetstone-lsp]

The configuration is read again when its file changes, as another model would be.
"""

import dataclasses
import json
import sys
from pathlib import Path

from lsp_server import preparer
from lsp_server.cli import real_parts, serve
from lsp_server.features import code_action, retrain
from lsp_server.log import configure
from lsp_server.server import create_server
from whetstone import rules
from whetstone.engine.scripted import ScriptedEngine
from whetstone.errors import EngineError, ModelError, StoreError


def main() -> None:
    path = Path(sys.argv[1])

    def config():
        return json.loads(path.read_text(encoding="utf-8"))

    def load_engine(settings):
        wanted = config()
        if message := wanted.get("load_fails"):
            raise ModelError(message)

        def script(prompt):
            if message := wanted.get("answer_fails"):
                raise EngineError(message)
            if wanted.get("answer_crashes"):
                raise ZeroDivisionError
            for needle, answers in wanted.get("answers", []):
                if needle in prompt.text.rpartition("to replace:")[2]:
                    return answers
            return []

        return ScriptedEngine(
            script,
            prompt_format="chat",
            model_id=wanted.get("model_id", "scripted@1"),
            delay_s=wanted.get("delay_s", 0.0),
        )

    def open_store(settings):
        if message := config().get("store_fails"):
            raise StoreError(message)
        return real.open_store(settings)

    known_rules = rules.propose
    # Unless a test wants them: the script alone answers, whatever rules there are.
    rules.propose = lambda *args: known_rules(*args) if config().get("rules") else []
    retrain.CHECK_AFTER_S = 0.3
    preparer.on_battery = lambda: bool(config().get("on_battery"))  # whatever this machine has
    code_action.WAIT_S = {True: 10, False: 10}  # tests run on busy machines too
    configure(None)
    real = real_parts()
    parts = dataclasses.replace(
        real,
        load_engine=load_engine,
        open_store=open_store,
        model_stamp=lambda: path.stat().st_mtime_ns,
        retrain_command=(*real.retrain_command, *config().get("retrain", [])),
    )
    serve(create_server(parts))


if __name__ == "__main__":
    main()
