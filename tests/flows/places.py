"""The marketplaces of the flow tests: accounts at channels by which sellers collect, and holidays from tomorrow on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Asia/Shanghai")
HOLIDAYS: Final = 9
"""From tomorrow on nobody works for so many days in marketplaces whose id begins with `test-h-`."""
DEBT_MAX: Final = 5_000
DEBTS: Final = f"    debts: {{amounts: {{CNY: {DEBT_MAX}}}}}\n"
"""Who owes more in marketplaces whose id begins with `test-d-` is paid nothing."""
COLLECTING: Final = ("wechat-profit-sharing", "wechat-ecommerce", "alipay-split")


def marketplaces(folder: Path) -> Path:
    """Write the marketplaces file into a folder, and return its path."""
    today = datetime.now(UTC).astimezone(ZONE).date()
    days = ", ".join(str(today + timedelta(days=day)) for day in range(1, HOLIDAYS + 1))
    accounts = "".join(
        f'      - {{profile: {name}, account: "{{marketplace}}"}}\n' for name in ("sandbox-direct", *COLLECTING)
    )
    entries = ""
    for pattern, more in (("test-*", ""), ("test-h-*", f"    holidays: [{days}]\n"), ("test-d-*", DEBTS)):
        entries += (
            f"  - id: {pattern}\n    zone: {ZONE.key}\n"
            '    day_cut: "00:00"\n    sources: [/upstream/*, /weir/send, /weir/payments]\n'
            f"{more}    channel_accounts:\n{accounts}"
        )
    path = folder / "marketplaces.yaml"
    path.write_text(f"marketplaces:\n{entries}", encoding="utf-8")
    return path
