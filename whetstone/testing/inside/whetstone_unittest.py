"""Runs a test file without pytest: its unittest classes, its test functions, its test classes.

Names are those that pytest would give. Fixtures and parameters do not exist here: a test that
needs them fails, and says so.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import sys
import traceback
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from whetstone_tracer import Tracer  # type: ignore[import-not-found,unused-ignore]

Test = tuple[str, Callable[[], object], Callable[..., object]]


def run(wanted: list[str], report: str, *, trace: bool) -> int:
    """Run the tests named by files and node ids; 0 when all passed."""
    tracer = Tracer(os.getcwd()) if trace else None
    outcomes: dict[str, str] = {}
    for file in dict.fromkeys(name.split("::")[0] for name in wanted):
        try:
            tests = list(_tests(file, _load(file)))
        except BaseException:
            _show(file)
            outcomes[file] = "failed"
            continue
        for name, call, own in tests:
            if any(_means(each, name) for each in wanted):
                outcomes[name] = _run(name, call, own, tracer)
    with open(report, "a", encoding="utf-8") as out:
        for name, outcome in outcomes.items():
            out.write(json.dumps({"outcome": outcome, "test": name}) + "\n")
    if tracer is not None:
        tracer.write(report)
    print(f"{len(outcomes)} tests, {list(outcomes.values()).count('failed')} failed")
    return 1 if "failed" in outcomes.values() or not outcomes else 0


def _means(wanted: str, name: str) -> bool:
    return name == wanted or name.startswith((wanted + "::", wanted + "["))


def _load(file: str) -> ModuleType:
    path = Path(file).resolve()
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _tests(file: str, module: ModuleType) -> Iterator[Test]:
    for name, value in list(vars(module).items()):
        if inspect.isfunction(value) and name.startswith("test"):
            yield f"{file}::{name}", value, value
        elif inspect.isclass(value) and value.__module__ == module.__name__:
            if issubclass(value, unittest.TestCase):
                for method in unittest.TestLoader().getTestCaseNames(value):
                    yield f"{file}::{name}::{method}", _case(value, method), getattr(value, method)
            elif name.startswith("Test"):
                for method in [each for each in vars(value) if each.startswith("test")]:
                    yield f"{file}::{name}::{method}", _bound(value, method), getattr(value, method)


def _case(kind: type[unittest.TestCase], method: str) -> Callable[[], object]:
    def call() -> None:
        kind(method).debug()  # raises what fails

    return call


def _bound(kind: type, method: str) -> Callable[[], object]:
    def call() -> object:
        return getattr(kind(), method)()

    return call


def _run(
    name: str, call: Callable[[], object], own: Callable[..., object], tracer: Tracer | None
) -> str:
    outcome = "failed"
    if tracer is not None:
        tracer.start(getattr(inspect.unwrap(own), "__code__", None))
    try:
        call()
        outcome = "passed"
    except unittest.SkipTest:
        outcome = "skipped"
    except BaseException:
        outcome = "failed"
        _show(name)
    finally:
        if tracer is not None:
            tracer.stop(name, failed=outcome == "failed")
    return outcome


def _show(name: str) -> None:
    print(f"FAIL: {name}")
    traceback.print_exc(file=sys.stdout)
