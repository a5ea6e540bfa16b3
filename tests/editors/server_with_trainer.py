"""The real server, whose trainer is a recording: `python server_with_trainer.py`.

A run takes minutes, so what a real run of `trainer retrain` told, on the tiny model of the tests,
is told again from retrain.jsonl. The model that it "trained" is a copy of the embedded one, put
into the registry as a real run does. tests/e2e/test_retrain_from_the_editor.py has the real thing.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import time
from pathlib import Path

from lsp_server.cli import real_parts, serve
from lsp_server.features import retrain
from lsp_server.log import configure
from lsp_server.server import create_server

RECORDED = Path(__file__).with_name("retrain.jsonl")
TRAINED = "trained-in-the-editor"


def train() -> None:
    """Tell the recorded run; from the gate on, only once somebody has seen how far it is.

    Until then the last words are said again: an editor shows progress a moment after its begin.
    """
    data, last = Path(os.environ["WHETSTONE_DATA"]), ""
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event.get("stage") == "gated":
            while not (data / "seen").exists():
                time.sleep(0.2)
                print(last, flush=True)
        if event["event"] == "result":
            _promote(data)
            event["model"] = TRAINED
        last = json.dumps(event)
        print(last, flush=True)


def _promote(data: Path) -> None:
    from whetstone.models.registry import Registry
    from whetstone.models.starter import starter_path

    copy = data / "copy.gguf"
    shutil.copy(starter_path(), copy)
    registry = Registry()
    registry.add(copy, name=TRAINED)
    registry.use(TRAINED)


if __name__ == "__main__":
    if "--progress" in sys.argv:
        train()
    else:
        retrain.CHECK_AFTER_S = 0.3
        configure(None)
        serve(
            create_server(
                dataclasses.replace(real_parts(), retrain_command=(sys.executable, __file__))
            )
        )
