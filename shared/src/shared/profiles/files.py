"""Reads the profiles' files. A file with a mistake stops whoever reads it, with the file and the field."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from shared.profiles.profile import Profile

FOLDER: Final = Path(__file__).parent


class ProfilesError(ValueError):
    """A profile's file cannot be used; the message names the file, the field in it and the mistake."""


class Profiles:
    """Every profile there is, by name. Never changes."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = dict(profiles)

    def __iter__(self) -> Iterator[Profile]:
        """Go through the profiles in order of their names."""
        return iter(self._profiles.values())

    def find(self, name: str) -> Profile | None:
        """Return the profile of that name, or None."""
        return self._profiles.get(name)


def load(folder: Path) -> Profiles:
    """Return the profiles of a folder, one in each `<name>.yaml`.

    Raises:
        ProfilesError: a file cannot be read, is not YAML, or breaks a rule; the message says where.

    """
    found = [_read(path) for path in sorted(folder.glob("*.yaml"))]
    return Profiles({profile.name: profile for profile in found})


@cache
def shipped() -> Profiles:
    """Return the profiles that come with Weir; they are read once."""
    return load(FOLDER)


def _read(path: Path) -> Profile:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Once)  # noqa: S506 - a SafeLoader
        profile = msgspec.convert(content, Profile)
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror or error}"
        raise ProfilesError(message) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = f"{path}: is not YAML: {error}"
        raise ProfilesError(message) from error
    except msgspec.ValidationError as error:
        message = f"{path}: {error}"
        raise ProfilesError(message) from error
    if profile.name != path.stem:
        message = f"{path}: name: is {profile.name!r}, and the file is {path.name!r}"
        raise ProfilesError(message)
    return profile


class _Once(yaml.SafeLoader):
    """YAML in which no field stands twice: the later one would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        """Return a mapping."""
        seen = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands there twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)
