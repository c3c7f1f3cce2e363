"""The emulator and its tools: MiniStack on one port, and on another what people and tests see."""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path

import fixes
import privileges
import tools
from clock import Clock


def main() -> None:
    folder, aws, public = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    log_to(folder)
    fixes.apply()
    privileges.record()
    asyncio.run(serve(aws, public, Clock(folder / "time")))
    (folder / "calls.json").write_text(json.dumps(privileges.recorded(), indent=1))


def log_to(folder: Path) -> None:
    functions = logging.FileHandler(folder / "functions.log", mode="w")
    functions.setFormatter(logging.Formatter("%(message)s"))
    fixes.FUNCTIONS_LOG.addHandler(functions)
    fixes.FUNCTIONS_LOG.setLevel(logging.INFO)
    fixes.FUNCTIONS_LOG.propagate = False


async def serve(aws: int, public: int, clock: Clock) -> None:
    """Until it is told to end."""
    from hypercorn.asyncio import serve as hypercorn
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{aws}", f"127.0.0.1:{public}"]
    config.keep_alive_timeout = 75
    config.errorlog = None
    config.websocket_max_message_size = fixes.LARGEST_MESSAGE
    end = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, end.set)
    config.graceful_timeout = 1
    await hypercorn(tools.front(public, clock), config, shutdown_trigger=end.wait)


if __name__ == "__main__":
    main()
