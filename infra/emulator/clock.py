"""Time that can be moved, for the emulator and for all functions.

Functions run under libfaketime, which adds to their time what stands in a file. The emulator does not: its threads wait
for each other through what libfaketime replaces, and a call took 60 ms instead of 2.
"""

import datetime
import time
from pathlib import Path

import time_machine


def environment(file: Path) -> dict[str, str]:
    """The variables of a function under which it reads its time from the file."""
    import libfaketime

    library = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        # How long something takes stays what it is
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


class Clock:
    """Real time plus what it was moved by."""

    def __init__(self, file: Path):
        self.file = file
        self.moved = 0
        self.file.write_text("+0")
        self.traveller = time_machine.travel(datetime.datetime.now(datetime.timezone.utc), tick=True).start()

    def advance(self, seconds: int) -> None:
        """Moves time for everybody."""
        self.moved += seconds
        draft = self.file.with_suffix(".new")
        draft.write_text(f"+{self.moved}")
        draft.rename(self.file)
        self.traveller.shift(seconds)

    def now(self) -> str:
        seconds = time.time()
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03}Z"
