"""Which adapter carries out which profile: an institution's own where there are credentials for it, else the sandbox.

`PAYMENTS_CREDENTIALS_DIR` has a folder for each such profile, and in it one for each account: what stands there is
said in wechat/credentials.py, stripe/keys.py and directory.py (docs/channels).
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from payments.channels.directory import Directory
from payments.channels.ear import Ear
from payments.channels.port import Channel

WECHAT: Final = "wechat-profit-sharing"
STRIPE: Final = "stripe-connect"


def checked(root: Path) -> Path:
    """Return the folder of the credentials, all of which can be used.

    Raises:
        ValueError: it cannot be read, names a profile without an adapter of its own, or an account's files cannot be
            used; the message says which, and nothing of their content.

    """
    for folder in _folders(root):
        if folder.name not in ADAPTERS:
            message = f"{folder.name}: only {', '.join(sorted(ADAPTERS))} have an adapter of their own"
            raise ValueError(message)
        for account in _folders(folder):
            _CHECKS[folder.name](account)
    return root


def channels(
    profiles: Iterable[str], sandbox: Callable[[str], Channel], root: Path | None, timeout_s: float
) -> dict[str, Channel]:
    """Return the adapter of each profile; `sandbox` gives the sandbox institution's."""
    own = {it.name for it in _folders(root)} if root is not None else set()
    return {
        name: ADAPTERS[name](root / name, timeout_s) if root is not None and name in own else sandbox(name)
        for name in profiles
    }


def ears(root: Path | None) -> dict[str, Ear]:
    """Return how those institutions sign what they tell by themselves; all others sign as the sandbox does."""
    own = [it.name for it in _folders(root)] if root is not None else []
    return {name: _EARS[name](root / name) for name in own if root is not None}


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(it for it in root.iterdir() if it.is_dir() and not it.name.startswith("."))
    except OSError as error:
        message = f"{root} cannot be read: {error.strerror or type(error).__name__}"
        raise ValueError(message) from None


# An adapter is imported where it is used only: its libraries take memory that most clusters have no use for.


def _wechat(root: Path, timeout_s: float) -> Channel:
    from payments.channels.wechat import Wallet, WechatChannel  # noqa: PLC0415 - as said above

    return WechatChannel(Wallet(root), Directory(root).identify, timeout_s)


def _stripe(root: Path, timeout_s: float) -> Channel:
    from payments.channels.stripe import StripeChannel, StripeKeys  # noqa: PLC0415 - as said above

    return StripeChannel(StripeKeys(root), Directory(root).identify, timeout_s)


def _check_wechat(account: Path) -> None:
    from payments.channels.wechat import Credentials  # noqa: PLC0415 - as said above

    Credentials.load(account)


def _check_stripe(account: Path) -> None:
    from payments.channels.stripe import StripeKeys  # noqa: PLC0415 - as said above

    StripeKeys(account.parent).authorization(account.name)


def _wechat_ear(root: Path) -> Ear:
    from payments.channels.wechat import Wallet, WechatEar  # noqa: PLC0415 - as said above

    return WechatEar(Wallet(root))


def _stripe_ear(root: Path) -> Ear:
    from payments.channels.stripe import StripeEar  # noqa: PLC0415 - as said above

    return StripeEar(root)


ADAPTERS: Final[dict[str, Callable[[Path, float], Channel]]] = {WECHAT: _wechat, STRIPE: _stripe}
_CHECKS: Final[dict[str, Callable[[Path], None]]] = {WECHAT: _check_wechat, STRIPE: _check_stripe}
_EARS: Final[dict[str, Callable[[Path], Ear]]] = {WECHAT: _wechat_ear, STRIPE: _stripe_ear}
