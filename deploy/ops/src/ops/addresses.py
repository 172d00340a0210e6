"""Where the cluster is: from the environment, else from what `weir up` wrote. Finds addresses; connects to nothing.

WEIR_KAFKA_BOOTSTRAP, WEIR_MONGO_URL, WEIR_INSTITUTION_URL and WEIR_<SERVICE>_URL win, one by one, over
`.weir/state.json`, so that the same commands work on a local cluster, on compose and on a port-forward.

MongoDB is reached as the user who may only read, and as the operator where a request is written. A URL from the
environment is used as it is, for both.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from ops.runtime import passwords, users

SERVICES: Final = ("payments", "split", "aftersale", "merchant")
STATE: Final = Path(".weir/state.json")
MONGO: Final = "mongo"
MONGO_FOR_REQUESTS: Final = "mongo for an operator's request"
USERS: Final = {MONGO: users.AUDIT, MONGO_FOR_REQUESTS: users.OPERATOR}


class NoClusterError(Exception):
    """Nothing says where the cluster is; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where to reach each part. `found` asks for one and says what to set where there is none.

    `prefix` stands before the name of every database: WEIR_MONGO_PREFIX, where clusters share a MongoDB.
    """

    urls: Mapping[str, str] = field(repr=False)  # with passwords
    prefix: str = ""

    def found(self, part: str) -> str:
        """Return the address of `kafka`, `mongo` (to read, or MONGO_FOR_REQUESTS), `institution` or a service.

        Raises:
            NoClusterError: neither the environment nor the state file has it.

        """
        if part not in self.urls:
            message = f"no address of {part}: start a cluster with `weir up`, or set {variable(part)}"
            raise NoClusterError(message)
        return self.urls[part]


def variable(part: str) -> str:
    """Return the environment variable that names a part's address."""
    if part == "kafka":
        return "WEIR_KAFKA_BOOTSTRAP"
    return "WEIR_MONGO_URL" if part in USERS else f"WEIR_{part.upper()}_URL"


def load(environment: Mapping[str, str] = os.environ, state: Path = STATE) -> Addresses:
    """Return the addresses that the environment and the state file give."""
    urls = dict(_from_state(state))
    for part in ("kafka", *USERS, "institution", *SERVICES):
        if given := environment.get(variable(part)):
            urls[part] = given.rstrip("/") if given.startswith("http") else given
    return Addresses(urls, environment.get("WEIR_MONGO_PREFIX", ""))


def _from_state(state: Path) -> Mapping[str, str]:
    try:
        content: Any = msgspec.json.decode(state.read_bytes())
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        message = f"{state} is damaged ({error}). Stop what still runs, then delete the file."
        raise NoClusterError(message) from error
    if not isinstance(content, dict) or not content.get("running", True):
        return {}
    urls = {str(part): str(url) for part, url in content.get("urls", {}).items()}
    if (mongo := urls.get(MONGO)) is not None:
        for part, user in USERS.items():
            password = passwords.of(state.parent / passwords.FOLDER, user)
            urls[part] = mongo if password is None else passwords.url_of(mongo, user, password)
    return urls
