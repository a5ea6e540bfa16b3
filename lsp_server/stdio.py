"""The protocol over standard input and output.

pygls has a thread read each line of a message and then its body: six changes of thread for a
keystroke, each of which waits for its turn where other threads compute. Here a thread hands over
whatever has come, and the event loop takes it apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading

_AT_ONCE = 1 << 20  # bytes
_LONGEST = 1 << 31  # bytes of a line: the reader's own limit is for data that nobody waits for


class Reader(asyncio.StreamReader):
    """Lets the event loop go round between two messages, though both may have come already.

    What a save has started is to be seen before the close that follows it.
    """

    async def readline(self) -> bytes:
        await asyncio.sleep(0)
        return await super().readline()


def reader_of(descriptor: int) -> Reader:
    """What comes in at `descriptor`, for the running event loop.

    Its thread is a daemon, because nothing can end its wait when the server ends first.
    """
    reader = Reader(limit=_LONGEST)
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is gone
            while data := _read(descriptor):
                loop.call_soon_threadsafe(reader.feed_data, data)
            loop.call_soon_threadsafe(reader.feed_eof)

    threading.Thread(target=read, name="whetstone-stdin", daemon=True).start()
    return reader


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _AT_ONCE)
    except OSError:  # as good as its end
        return b""
