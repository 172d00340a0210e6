"""The keys that payments shares with institutions: made once, one file a profile, in no state file, command or log.

`python -m ops.runtime.keys <folder>` makes those that are missing, as compose.yaml has it done. How a key is replaced
is said in docs/callbacks.md.
"""

import secrets
import sys
from pathlib import Path
from typing import Final

from ops.runtime import passwords
from shared.profiles import shipped

FOLDER: Final = "keys"
BANK_ACCOUNTS: Final = "bank-accounts"
"""The key of payments' own by which it tells a bank account again whose number it does not keep."""
KEY_BYTES: Final = 32


def ensured(folder: Path) -> Path:
    """Make the key of every profile that has none, readable by nobody else, and return the folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (BANK_ACCOUNTS, *(profile.name for profile in shipped())):
        passwords.once(folder / name, f"{secrets.token_urlsafe(KEY_BYTES)}\n")
    return folder


if __name__ == "__main__":
    ensured(Path(sys.argv[1]))
