"""The player as a process of its own: `python -m tests.player --bootstrap HOST:PORT --market 'test-*' --seed 1`.

Refunds have troubles drawn from the seed. What it did is in the file `--account`, written anew every second and at the
end; it ends with SIGTERM or SIGINT.
"""

import argparse
import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.player.player import Player
from tests.player.script import mixed

WRITE_EVERY_S: Final = 1.0


def report(player: Player) -> dict[str, Any]:
    """Return what a player did: by account and currency, and what it would not have done."""
    accounts = [
        {"channel_account": account, "currency": currency}
        | msgspec.to_builtins(done)
        | {"change_minor": done.pool_minor, "pool_minor": player.pool_minor(account, currency)}
        for (account, currency), done in sorted(player.course.accounts.items())
    ]
    return {"refunds": len(player.course.refunds), "accounts": accounts, "mistakes": player.mistakes()}


async def play(player: Player, file: Path | None) -> None:
    """Play until a signal comes."""
    done = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, done.set)
    async with player.playing() as playing:
        while not done.is_set() and not playing.dead:
            try:
                await asyncio.wait_for(done.wait(), WRITE_EVERY_S)
            except TimeoutError:
                _write(player, file)
    _write(player, file)


def _write(player: Player, file: Path | None) -> None:
    if file is not None:
        fresh = file.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(report(player)))
        fresh.replace(file)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.player", description=__doc__)
    parser.add_argument("--bootstrap", required=True, help="a Kafka broker")
    parser.add_argument("--market", required=True, help="a marketplace, or a prefix that ends in *")
    parser.add_argument("--seed", type=int, default=1, help="draws the troubles")
    parser.add_argument("--troubled", type=float, default=0.3, help="the part of the refunds that has some")
    parser.add_argument("--account", type=Path, help="a file for what it did")
    options = parser.parse_args(words)
    player = Player(options.bootstrap, options.market, mixed(options.seed, options.troubled))
    asyncio.run(play(player, options.account))


if __name__ == "__main__":
    main()
