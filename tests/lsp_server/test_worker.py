"""The model's thread, without a protocol: order, joining, cancelling, changing the model."""

import threading
import time
from types import SimpleNamespace

import pytest

from lsp_server.parts import Parts
from lsp_server.worker import Job, Worker
from whetstone.errors import EngineError, ModelError
from whetstone.problem import Diagnostic, Document, Span
from whetstone.settings import Settings

SPAN = Span(start_line=0, end_line=0)


class Engine:
    def __init__(self, name):
        self.model_id = name
        self.closed = False
        self.limits = []

    def limit_threads(self, most):
        self.limits.append(most)

    def close(self):
        self.closed = True


class Workshop:
    """Parts whose fixer does what the test tells it to, and notes what it was asked."""

    def __init__(self):
        self.asked, self.engines, self.warnings = [], [], []
        self.beside = []
        self.stamp, self.fail_load, self.fail_ask = 0, None, None
        self.gate = threading.Event()
        self.gate.set()
        parts = Parts(
            load_engine=self.load,
            model_stamp=lambda: self.stamp,
            make_fixer=lambda engine, settings, beside: SimpleNamespace(
                propose=lambda document, diagnostic, *, cancel, test, failure: self.propose(
                    engine, diagnostic, cancel, beside
                )
            ),
            find=None,
            open_store=None,
            load_settings=None,
        )
        self.worker = Worker(parts, warn=self.warnings.append)

    def load(self, settings):
        if self.fail_load:
            raise self.fail_load
        self.engines.append(Engine(f"m{len(self.engines)}"))
        return self.engines[-1]

    def propose(self, engine, diagnostic, cancel, beside):
        self.beside.append(beside)
        self.asked.append((engine.model_id if engine else "rules", diagnostic.code))
        if engine and self.fail_ask:
            raise self.fail_ask
        while not self.gate.wait(0.005):
            cancel.raise_if_set()
        return SimpleNamespace(code=diagnostic.code)

    def job(self, code="A", uri="file:///a.py", version=1, **kwargs):
        return Job(
            uri=uri,
            document=Document(text="x", version=version),
            diagnostic=Diagnostic(source="t", code=code, message="m", span=SPAN),
            settings=Settings(),
            **kwargs,
        )

    def submit(self, *args, **kwargs):
        return self.worker.submit(self.job(*args, **kwargs))

    def busy(self):
        """Something else is running, so that what is submitted next has to queue."""
        self.gate.clear()
        job = self.submit("busy", uri="file:///busy.py")
        while not self.asked:
            time.sleep(0.001)
        return job


@pytest.fixture
def shop():
    workshop = Workshop()
    yield workshop
    workshop.gate.set()
    workshop.worker.close()


def test_a_job_is_done(shop):
    assert shop.submit().future.result(60).code == "A"
    assert shop.asked == [("m0", "A")]


def test_the_newest_document_is_served_first(shop):
    shop.busy()
    first, second = shop.submit("A", uri="file:///1.py"), shop.submit("B", uri="file:///2.py")
    shop.gate.set()
    first.future.result(60), second.future.result(60)
    assert [code for _, code in shop.asked] == ["busy", "B", "A"]


def test_an_older_queued_request_for_the_same_document_is_dropped(shop):
    shop.busy()
    old, new = shop.submit("A"), shop.submit("B")
    assert old.future.result(60) is None
    shop.gate.set()
    assert new.future.result(60).code == "B"
    assert ("m0", "A") not in shop.asked


def test_a_running_one_for_the_same_document_is_stopped(shop):
    old = shop.busy()
    new = shop.submit("B", uri="file:///busy.py")
    assert old.future.result(60) is None
    shop.gate.set()
    assert new.future.result(60).code == "B"


def test_the_same_request_joins_and_the_work_ends_with_the_last_who_waits(shop):
    job = shop.busy()
    again = shop.submit("busy", uri="file:///busy.py")
    assert again is job and job.waiting == 2
    again.leave()
    assert not job.cancel.is_set()
    job.leave()
    assert job.cancel.is_set() and job.future.result(60) is None


def test_a_closed_document_wants_nothing(shop):
    shop.busy()
    job = shop.submit()
    shop.worker.drop("file:///a.py")
    assert job.future.result(60) is None


def test_a_deadline_leaves_time_for_the_rules(shop):
    shop.submit("warm").future.result(60)
    shop.gate.clear()
    begin = time.monotonic()
    job = shop.submit(deadline_s=2.0)
    while len(shop.asked) < 3:
        time.sleep(0.002)
    assert time.monotonic() - begin > 1.0  # some of it, and the rest is for the rules
    shop.gate.set()
    assert job.future.result(60).code == "A"
    assert shop.asked[1:] == [("m0", "A"), ("rules", "A")]


def test_the_model_is_changed_between_requests_and_the_old_one_closed(shop):
    shop.submit().future.result(60)
    shop.submit("B").future.result(60)
    assert len(shop.engines) == 1  # nothing changed, nothing loaded
    shop.stamp = 1
    shop.submit("C").future.result(60)
    assert [model for model, _ in shop.asked] == ["m0", "m0", "m1"]
    assert shop.engines[0].closed and not shop.engines[1].closed


def test_a_model_that_cannot_be_loaded_is_tried_once_for_each_change(shop):
    shop.fail_load = ModelError("gone.gguf: missing.")
    assert shop.submit().future.result(60).code == "A"
    shop.submit("B").future.result(60)
    assert shop.asked == [("rules", "A"), ("rules", "B")]
    assert len(shop.warnings) == 1 and shop.warnings[0].startswith("gone.gguf: missing. Until")


def test_a_model_that_could_not_be_loaded_is_tried_again_after_a_while(shop, monkeypatch):
    monkeypatch.setattr("lsp_server.worker._RETRY_S", 0.0)
    shop.fail_load = ModelError("gone.gguf: missing.")
    shop.submit().future.result(60)
    shop.fail_load = None
    shop.submit("B").future.result(60)
    shop.submit("C").future.result(60)
    assert [model for model, _ in shop.asked] == ["rules", "m0", "m0"]
    assert len(shop.engines) == 1


def test_an_engine_that_fails_leaves_it_to_the_rules(shop):
    shop.fail_ask = EngineError("server: gone.")
    assert shop.submit().future.result(60).code == "A"
    assert shop.asked == [("m0", "A"), ("rules", "A")]
    assert shop.warnings == ["server: gone."]


def test_a_bug_in_the_core_ends_no_thread(shop):
    shop.fail_ask = ZeroDivisionError()
    assert shop.submit().future.result(60) is None
    shop.fail_ask = None
    assert shop.submit("B").future.result(60).code == "B"


def test_closing_stops_what_runs_and_frees_the_model(shop):
    job = shop.busy()
    begin = time.monotonic()
    shop.worker.close()
    assert time.monotonic() - begin < 30
    assert job.future.result(60) is None and shop.engines[0].closed


# -- the background ------------------------------------------------------------------------------


def test_the_background_waits_for_those_who_wait(shop):
    shop.busy()
    jobs = [shop.submit("A", background=True), shop.submit("B", background=True)]
    jobs.append(shop.submit("C", uri="file:///c.py"))
    shop.gate.set()
    assert [job.future.result(60).code for job in jobs] == ["A", "B", "C"]
    assert [code for _, code in shop.asked] == ["busy", "C", "A", "B"]


def test_a_request_stops_what_runs_in_the_background(shop):
    shop.gate.clear()
    prepared = shop.submit("A", background=True)
    while not shop.asked:
        time.sleep(0.001)
    asked = shop.submit("B")
    assert prepared.future.result(60) is None and prepared.cancel.is_set()
    shop.gate.set()
    assert asked.future.result(60).code == "B"


def test_asking_for_what_is_prepared_joins_it_and_nothing_stops_it_then(shop):
    shop.gate.clear()
    prepared = shop.submit("A", background=True)
    while not shop.asked:
        time.sleep(0.001)
    assert shop.submit("A") is prepared
    other = shop.submit("B", uri="file:///b.py")
    prepared.leave()  # the one who prepared it has gone, somebody else still waits
    shop.gate.set()
    assert prepared.future.result(60).code == "A" and other.future.result(60).code == "B"


def test_asking_for_what_is_queued_in_the_background_brings_it_forward(shop):
    shop.busy()
    first, second = shop.submit("A", background=True), shop.submit("B", background=True)
    assert shop.submit("B") is second
    shop.gate.set()
    assert second.future.result(60).code == "B" and first.future.result(60).code == "A"
    assert [code for _, code in shop.asked] == ["busy", "B", "A"]


def test_a_closed_document_wants_nothing_prepared(shop):
    shop.busy()
    job = shop.submit(background=True)
    shop.worker.drop("file:///a.py")
    assert job.future.result(60) is None


def test_preparing_has_no_more_threads_than_it_may(shop):
    shop.submit(background=True).future.result(60)
    shop.submit("B", background=True).future.result(60)
    shop.submit("C").future.result(60)
    assert shop.engines[0].limits == [1, None]


def test_what_is_prepared_is_proved_in_turn_with_the_model(shop):
    shop.submit(background=True).future.result(60)
    shop.submit("B").future.result(60)
    assert shop.beside == [False, True]
