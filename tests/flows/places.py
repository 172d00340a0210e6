"""The marketplaces of the flow tests: an account of each profile with the waivers, and holidays from tomorrow on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from shared.profiles import shipped

ZONE: Final = ZoneInfo("Asia/Shanghai")
HOLIDAYS: Final = 9
"""From tomorrow on nobody works for so many days in marketplaces whose id begins with `test-h-`."""
DEBT_MAX: Final = 5_000
DEBTS: Final = f"    debts: {{amounts: {{CNY: {DEBT_MAX}}}}}\n"
"""Who owes more in marketplaces whose id begins with `test-d-` is paid nothing."""
DIRECT: Final = "sandbox-direct"
WAIVERS: Final = "".join(
    f'      - {{profile: {it.name}, by: "Ann Lee", at: 2026-01-05, reason: "counsel has seen the flow of this test"}}\n'
    for it in shipped()
    if it.compliance.waiver_needed
)


def account_of(marketplace: str, profile: str) -> str:
    """Return a marketplace's account under a profile: one account of an institution is under one product."""
    return marketplace if profile == DIRECT else f"{marketplace}.{profile}"


def marketplaces(folder: Path) -> Path:
    """Write the marketplaces file into a folder, and return its path."""
    today = datetime.now(UTC).astimezone(ZONE).date()
    days = ", ".join(str(today + timedelta(days=day)) for day in range(1, HOLIDAYS + 1))
    accounts = "".join(
        f'      - {{profile: {it.name}, account: "{account_of("{marketplace}", it.name)}"}}\n' for it in shipped()
    )
    entries = ""
    for pattern, more in (("test-*", ""), ("test-h-*", f"    holidays: [{days}]\n"), ("test-d-*", DEBTS)):
        entries += (
            f"  - id: {pattern}\n    zone: {ZONE.key}\n"
            '    day_cut: "00:00"\n    sources: [/upstream/*, /weir/send, /weir/payments]\n'
            f"{more}    channel_accounts:\n{accounts}    waivers:\n{WAIVERS}"
        )
    path = folder / "marketplaces.yaml"
    path.write_text(f"marketplaces:\n{entries}", encoding="utf-8")
    return path
