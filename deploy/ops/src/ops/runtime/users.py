"""Who may do what in MongoDB: a service its own database, the audit nothing but reading, an operator two requests.

`python -m ops.runtime.users` makes them from the variables that compose.yaml gives: MONGO_ADMIN_URL (with no user in
it) and MONGO_<USER>_PASSWORD.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from ops.runtime.fault import ClusterFault
from ops.runtime.state import SERVICES
from shared.parking import PARKS

ADMIN: Final = "admin"
AUDIT: Final = "audit"
OPERATOR: Final = "operator"
OPS: Final = "ops"
"""The database of what operators asked for."""

ASKER: Final = "parks-asker"
"""The role of who may ask for the release of a park, which the service then carries out."""

ROLES: Final[Mapping[str, list[dict[str, str]]]] = {
    **{name: [{"role": "readWrite", "db": name}] for name in SERVICES},
    AUDIT: [{"role": "read", "db": name} for name in (*SERVICES, OPS)],
    OPERATOR: [
        {"role": "readWrite", "db": OPS},
        *({"role": "read", "db": name} for name in SERVICES),
        {"role": ASKER, "db": ADMIN},
    ],
}
"""Every user but the first, which makes them. The institution is another party, with a store of its own."""

ALL: Final = (ADMIN, *ROLES)
UNAUTHENTICATED: Final = 18
UNAUTHORIZED: Final = 13
NO_SUCH: Final = frozenset({11, 31})
"""No such user, no such role."""


def is_there(direct_url: str, password: str) -> bool:
    """Say whether the server knows the first user, with this password."""
    with MongoClient[dict[str, Any]](direct_url, username=ADMIN, password=password) as client:
        try:
            client.admin.command("ping")
        except OperationFailure as failure:
            if failure.code == UNAUTHENTICATED:
                return False
            raise
        return True


def make(direct_url: str, passwords: Mapping[str, str]) -> None:
    """Make every user as stated in ROLES, with these passwords, on the primary at `direct_url`.

    The first one is made from this machine without a user, which MongoDB allows while there is none.

    Raises:
        ClusterFault: there are users, and the first has another password.

    """
    if not is_there(direct_url, passwords[ADMIN]):
        with MongoClient[dict[str, Any]](direct_url) as client:
            try:
                client.admin.command("createUser", ADMIN, pwd=passwords[ADMIN], roles=["root"])
            except OperationFailure as failure:
                if failure.code != UNAUTHORIZED:
                    raise
                msg = "MongoDB's data has users whose passwords are not here any more; `weir reset` deletes the data."
                raise ClusterFault(msg) from None
    with MongoClient[dict[str, Any]](direct_url, username=ADMIN, password=passwords[ADMIN]) as client:
        parks = [{"resource": {"db": it, "collection": PARKS}, "actions": ["find", "update"]} for it in SERVICES]
        _make(client, "Role", ASKER, privileges=parks, roles=[])
        for user, roles in ROLES.items():
            _make(client, "User", user, pwd=passwords[user], roles=roles)


def _make(client: MongoClient[dict[str, Any]], what: str, name: str, **fields: Any) -> None:  # noqa: ANN401 - a command's own
    try:
        client.admin.command(f"update{what}", name, **fields)
    except OperationFailure as failure:
        if failure.code not in NO_SUCH:
            raise
        client.admin.command(f"create{what}", name, **fields)


def variable(user: str) -> str:
    """Return the variable that has the password of a user."""
    return f"MONGO_{user.upper()}_PASSWORD"


if __name__ == "__main__":
    make(os.environ["MONGO_ADMIN_URL"], {user: os.environ[variable(user)] for user in ALL})
