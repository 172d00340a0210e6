"""The keys of a cluster's callbacks: made once, such as payments takes, and readable by nobody else."""

import stat
import subprocess
import sys
from pathlib import Path

import yaml

from ops.runtime import keys, services
from payments.channels.keys import Keys, checked


def test_every_profile_gets_a_key_of_its_own_once(tmp_path: Path) -> None:
    folder = keys.ensured(tmp_path / "keys")
    first = {it.name: it.read_text() for it in folder.iterdir()}
    assert {"sandbox-direct", "wechat-profit-sharing", "bank-accounts"} <= set(first)
    assert len(set(first.values())) == len(first)
    subprocess.run([sys.executable, "-m", "ops.runtime.keys", str(folder)], check=True)  # noqa: S603 - built here
    assert {it.name: it.read_text() for it in folder.iterdir()} == first
    assert {stat.S_IMODE(it.stat().st_mode) for it in folder.iterdir()} == {0o600}
    assert checked(folder) == folder
    assert Keys(folder).of("wechat-profit-sharing", "shop")


def test_the_institution_and_payments_are_told_of_one_folder(tmp_path: Path) -> None:
    urls = {"mongo": "m", "kafka": "k", "institution": "i"}
    payments = services.environment("payments", urls, keys=tmp_path)
    assert payments["PAYMENTS_KEYS_DIR"] == services.institution_environment(tmp_path, tmp_path)["SANDBOX_KEYS_DIR"]
    assert not [it for it in services.environment("split", urls, keys=tmp_path) if "KEYS" in it]


def test_compose_makes_the_keys_before_it_gives_them_to_both_and_to_nobody_else() -> None:
    compose = yaml.safe_load((Path(__file__).parents[3] / "compose.yaml").read_text())["services"]
    given = {name: it for name, it in compose.items() if any("keys:" in str(at) for at in it.get("volumes", ()))}
    assert set(given) == {"keys", "payments", "sandbox"}
    for name, variable in (("payments", "PAYMENTS_KEYS_DIR"), ("sandbox", "SANDBOX_KEYS_DIR")):
        assert given[name]["environment"][variable] == given["keys"]["command"][-1]
        assert "keys:/keys:ro" in given[name]["volumes"]
        assert given[name]["depends_on"]["keys"]["condition"] == "service_completed_successfully"
