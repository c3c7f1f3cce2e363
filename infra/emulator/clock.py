"""Time for the emulator and all functions: libfaketime adds to it what stands in one file."""

import os
import time
from pathlib import Path

FILE = "FAKETIME_TIMESTAMP_FILE"


def environment(file: Path) -> dict[str, str]:
    """The variables under which a process and its children read their time from the file."""
    import libfaketime

    library = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"
    file.write_text("+0")
    return {
        "LD_PRELOAD": str(library),
        FILE: str(file),
        "FAKETIME_NO_CACHE": "1",
        # How long something takes stays what it is
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def advance(seconds: int) -> None:
    """Moves time for everybody at once."""
    file = Path(os.environ[FILE])
    draft = file.with_suffix(".new")
    draft.write_text(f"+{int(file.read_text()) + seconds}")
    draft.rename(file)


def now() -> str:
    seconds = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03}Z"
