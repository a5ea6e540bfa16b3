"""Stopping llama.cpp from outside while it computes.

llama.cpp asks an abort callback before every operation of its graph, over a hundred times in one
pass. A callback written in Python takes the interpreter's lock each time, which is a good part of a
pass of a small model. So the question is answered by the C library: `strlen` of a two-byte buffer
is 0 while its first byte is 0, which reads as "go on", and 1 once that byte is set. A thread of
ours looks at the request's `Cancel` every 10 ms and sets it; it sleeps while nothing is computed.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time

import llama_cpp.llama_cpp as llama

from whetstone.engine.base import Cancel

_LOOK_S = 0.01


class StopFlag:
    """Connects the `Cancel` of the current request with llama.cpp's abort callback."""

    def __init__(self) -> None:
        library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
        self._flag = (ctypes.c_char * 2)()  # llama.cpp keeps the bare pointer
        self.callback = ctypes.cast(library.strlen, llama.ggml_abort_callback)
        self.data = ctypes.cast(self._flag, ctypes.c_void_p)
        self._cancel: Cancel | None = None
        self._watch = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def watch(self, cancel: Cancel | None) -> None:
        """From now on, `cancel` stops the computation; with None nothing does."""
        self._cancel = cancel
        self._flag[0] = b"\0"
        if cancel is not None and self._thread is None:
            self._thread = threading.Thread(target=self._look, name="whetstone-stop", daemon=True)
            self._thread.start()

    def begin(self) -> None:
        """llama.cpp computes now."""
        if self._cancel is not None:
            self._watch.set()

    def end(self) -> None:
        """It has finished."""
        if self._cancel is not None:
            self._watch.clear()

    @property
    def wanted(self) -> bool:
        """Is the current request cancelled?"""
        return self._cancel is not None and self._cancel.is_set()

    def clear(self) -> None:
        """Take back a stop that was meant for a request before this one."""
        self._flag[0] = b"\0"

    def close(self) -> None:
        self._closed = True
        self._cancel = None
        self._watch.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._closed:
            self._watch.wait()
            cancel = self._cancel
            if cancel is not None and cancel.is_set():
                self._flag[0] = b"\1"
            time.sleep(_LOOK_S)
