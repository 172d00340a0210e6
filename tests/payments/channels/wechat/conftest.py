"""An adapter with keys, and its counterpart."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import httpx
import pytest
from tests.payments.channels.wechat.counterpart import ACME, Counterpart

from payments.channels.wechat import Wallet, WechatChannel


@pytest.fixture(scope="session")
def keys() -> Counterpart:
    """Make keys once: it takes long."""
    return Counterpart()


@pytest.fixture
def there(keys: Counterpart) -> Counterpart:
    return Counterpart(ours=keys.ours, own=keys.own)


@pytest.fixture
async def channel(there: Counterpart, tmp_path: Path) -> AsyncIterator[WechatChannel]:
    async def identify(_: str, receivers: Sequence[str]) -> Mapping[str, str]:
        return {it: ACME for it in receivers if it == "merchant:acme"}

    there.write(tmp_path)
    it = WechatChannel(Wallet(tmp_path), identify, 5, transport=httpx.MockTransport(there.answer))
    yield it
    await it.close()
