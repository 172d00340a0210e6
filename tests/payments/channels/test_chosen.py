"""Where there are credentials an institution's own adapter is asked; a mistake in them stops the service, unshown."""

from pathlib import Path

import pytest
from tests.payments.channels.stripe.counterpart import ACCOUNT, KEY
from tests.payments.channels.wechat.counterpart import MCHID, Counterpart

from payments.channels import chosen
from payments.channels.directory import Directory
from payments.channels.sandbox import SandboxChannel
from payments.channels.stripe import StripeChannel
from payments.channels.wechat import WechatChannel
from payments.domain.claims import PROFILES

PROFILES_HERE = [chosen.WECHAT, chosen.STRIPE, "sandbox-direct"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Counterpart().write(tmp_path / chosen.WECHAT)
    (tmp_path / chosen.STRIPE / ACCOUNT).mkdir(parents=True)
    (tmp_path / chosen.STRIPE / ACCOUNT / "secret.key").write_text(KEY)
    return tmp_path


async def test_a_profile_with_credentials_has_its_own_adapter_and_the_others_the_sandbox(root: Path) -> None:
    sandbox = SandboxChannel("http://institution", 1)
    found = chosen.channels(PROFILES_HERE, sandbox.under, chosen.checked(root), 1)
    assert [type(it) for it in found.values()] == [WechatChannel, StripeChannel, SandboxChannel]
    assert {type(it) for it in chosen.channels(PROFILES_HERE, sandbox.under, None, 1).values()} == {SandboxChannel}
    for it in found.values():
        await it.close()


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        (f"{chosen.WECHAT}/{MCHID}/apiv3.key", "a-short-secret", "apiv3.key has not 32"),
        (f"{chosen.STRIPE}/{ACCOUNT}/secret.key", "two words", "secret.key is not one key"),
        ("pingan-witness/x/key", "a-short-secret", "pingan-witness: only stripe-connect, wechat-profit-sharing"),
    ],
)
def test_a_mistake_in_the_credentials_is_said_at_the_start_and_not_shown(
    root: Path, path: str, content: str, said: str
) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content)
    with pytest.raises(ValueError, match=said) as caught:
        chosen.checked(root)
    assert content not in str(caught.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none cannot be read"):
        chosen.checked(tmp_path / "none")


def test_every_profile_with_an_adapter_can_be_paid_through() -> None:
    assert set(chosen.ADAPTERS) & PROFILES


async def test_who_a_receiver_is_there_stands_in_a_file_that_is_read_again(tmp_path: Path) -> None:
    directory, file = Directory(tmp_path), tmp_path / "a" / "receivers"
    assert await directory.identify("a", ["merchant:acme"]) == {}
    file.parent.mkdir()
    file.write_text("merchant:acme 1900000110\n\nplatform:commission\t1900000109\n")
    found = await directory.identify("a", ["merchant:acme", "platform:commission", "merchant:new"])
    assert found == {"merchant:acme": "1900000110", "platform:commission": "1900000109"}
    file.write_text("merchant:acme\n")
    assert (await directory.identify("a", ["merchant:acme"])) == {"merchant:acme": "1900000110"}
    assert await directory.identify("../a", ["merchant:acme"]) == {}
