"""Every marketplace that the file has, found by id and by account."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Self

import yaml
from pydantic import ValidationError

from shared.ids import MARKETPLACE_PATTERN
from shared.marketplaces.entries import OWN_ID, Entry, File
from shared.marketplaces.marketplace import Marketplace, matches

FOUND_MAX: Final = 10_000
"""Answers kept by `find`. Ids come from outside, so what is remembered about them must have a limit."""

_MARKETPLACE: Final = re.compile(MARKETPLACE_PATTERN)


class MarketplacesError(ValueError):
    """The marketplaces file cannot be used; the message names the file, the place in it and the mistake."""


class Marketplaces:
    """Every marketplace this cluster serves."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        """Prefer the exact id, then the longest prefix."""
        self._exact = {entry.id: entry for entry in entries if not entry.id.endswith("*")}
        self._prefixes = sorted(
            (entry for entry in entries if entry.id.endswith("*")), key=lambda entry: len(entry.id), reverse=True
        )
        self._found: dict[str, Marketplace | None] = {}
        self._owners: dict[tuple[str, str], set[str]] = {}
        self._patterns: list[tuple[str, re.Pattern[str]]] = []
        for entry in entries:
            for it in entry.channel_accounts:
                if entry.id.endswith("*"):
                    self._patterns.append((it.profile, _reading(it.account)))
                else:
                    account = it.account.replace(OWN_ID, entry.id)
                    self._owners.setdefault((it.profile, account), set()).add(entry.id)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what the file says.

        Raises:
            MarketplacesError: the file cannot be read, is not YAML, or breaks a rule; the message says where.

        """
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            entries = File.model_validate(content).marketplaces
        except OSError as error:
            message = f"{path}: cannot be read: {error.strerror or error}"
            raise MarketplacesError(message) from error
        except ValidationError as error:
            message = "\n".join(f"{path}: {mistake}" for mistake in _mistakes(error))
            raise MarketplacesError(message) from error
        except (yaml.YAMLError, ValueError) as error:  # the second for text that is none, and for days that are none
            message = f"{path}: is not YAML: {error}"
            raise MarketplacesError(message) from error
        _refuse_ambiguous(path, entries)
        return cls(entries)

    def find(self, marketplace: str) -> Marketplace | None:
        """Return the marketplace of that id, or None where the file knows none."""
        if marketplace in self._found:
            return self._found[marketplace]
        found = self._look_up(marketplace) if _MARKETPLACE.match(marketplace) else None
        if len(self._found) >= FOUND_MAX:
            self._found.clear()
        self._found[marketplace] = found
        return found

    def owner_of(self, profile: str, account: str) -> Marketplace | None:
        """Return the marketplace whose account that is; None where it is nobody's, or could be of more than one."""
        read = [pattern.fullmatch(account) for of, pattern in self._patterns if of == profile]
        named = {it["marketplace"] for it in read if it is not None}
        owners = self._owners.get((profile, account), set()) | named
        found = [it for it in map(self.find, owners) if it is not None and it.owns(profile, account)]
        return found[0] if len(found) == 1 else None

    def _look_up(self, marketplace: str) -> Marketplace | None:
        prefixed = (it for it in self._prefixes if matches(it.id, marketplace))
        entry = self._exact.get(marketplace) or next(prefixed, None)
        return entry.named(marketplace) if entry else None


def _reading(account: str) -> re.Pattern[str]:
    """Return what reads the own id out of an account's name."""
    first, *rest = map(re.escape, account.split(OWN_ID))
    return re.compile("(?P<marketplace>[a-z0-9-]{1,32})".join([first, "(?P=marketplace)".join(rest)]))


def _mistakes(error: ValidationError) -> Iterable[str]:
    for mistake in error.errors():
        place = ".".join(str(part) for part in mistake["loc"]) or "the whole file"
        yield f"{place}: {mistake['msg']} (found {mistake['input']!r})"


def _refuse_ambiguous(path: Path, entries: Sequence[Entry]) -> None:
    seen: set[str] = set()
    owners: dict[tuple[str, str], str] = {}
    for entry in entries:
        if entry.id in seen:
            message = f"{path}: marketplace {entry.id!r} stands there twice"
            raise MarketplacesError(message)
        seen.add(entry.id)
        if entry.id.endswith("*"):
            shared = [it.account for it in entry.channel_accounts if OWN_ID not in it.account]
            if shared:
                message = f"{path}: {entry.id!r} would share account {shared[0]!r} among marketplaces; use {OWN_ID}"
                raise MarketplacesError(message)
            continue
        for owned in entry.named(entry.id).channel_accounts:
            other = owners.setdefault((owned.profile, owned.account), entry.id)
            if other != entry.id:
                message = f"{path}: account {owned.account!r} belongs to both {other!r} and {entry.id!r}"
                raise MarketplacesError(message)
