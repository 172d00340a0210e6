"""The marketplaces file: what it means, and that each mistake in it is named where it stands."""

from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from shared.marketplaces import ChannelAccount, DebtLimits, Marketplaces, MarketplacesError
from shared.marketplaces.entries import DAYS_MAX
from shared.marketplaces.file import FOUND_MAX

SHIPPED = Path(__file__).parents[2] / "deploy" / "marketplaces.yaml"

ENTRY = """
  - id: {id}
    zone: {zone}
    day_cut: {day_cut}
    sources: [{source}]
    channel_accounts: [{{profile: {profile}, account: "{account}"}}]
"""


def entry(**fields: str) -> str:
    usual = {
        "id": "shop-*",
        "zone": "UTC",
        "day_cut": '"00:00"',
        "source": "/upstream/*",
        "profile": "sandbox-direct",
        "account": "{marketplace}",
    }
    return ENTRY.format(**(usual | fields))


def loaded(folder: Path, *entries: str) -> Marketplaces:
    path = folder / "marketplaces.yaml"
    path.write_text("marketplaces:" + "".join(entries), encoding="utf-8")
    return Marketplaces.load(path)


def test_the_shipped_file_serves_olist_in_its_own_zone_and_account() -> None:
    olist = Marketplaces.load(SHIPPED).find("olist")
    assert olist is not None
    assert olist.zone == ZoneInfo("America/Sao_Paulo")
    assert olist.day_cut == time(0, 0)
    assert olist.channel_accounts == (ChannelAccount("sandbox-direct", "olist"),)


@pytest.mark.parametrize("marketplace", ["demo-7f3a", "test-a"])
def test_a_pattern_serves_each_marketplace_with_an_account_of_its_own(marketplace: str) -> None:
    found = Marketplaces.load(SHIPPED).find(marketplace)
    assert found is not None
    assert found.id == marketplace
    assert found.owns("sandbox-direct", marketplace)
    assert not found.owns("sandbox-direct", "demo-other")
    assert not found.owns("stripe-connect", marketplace)


@pytest.mark.parametrize("marketplace", ["nobody", "demo", "demo-UPPER", "demo-" + "a" * 40, "", "demo-a/b", "demo-*"])
def test_an_unknown_or_impossible_marketplace_is_found_nowhere(marketplace: str) -> None:
    assert Marketplaces.load(SHIPPED).find(marketplace) is None


@pytest.mark.parametrize(
    ("source", "allowed"),
    [("/upstream/shop", True), ("/weir/send", True), ("/weir/sender", False), ("/elsewhere", False), ("", False)],
)
def test_only_the_listed_sources_are_believed(source: str, allowed: bool) -> None:  # noqa: FBT001 - a table's column
    found = Marketplaces.load(SHIPPED).find("demo-1")
    assert found is not None
    assert found.allows(source) is allowed


def test_the_exact_id_wins_over_a_prefix_and_the_longer_prefix_over_the_shorter(tmp_path: Path) -> None:
    marketplaces = loaded(
        tmp_path,
        entry(id="shop-*", zone="UTC"),
        entry(id="shop-eu-*", zone="Europe/Paris"),
        entry(id="shop-eu-1", zone="Europe/Berlin"),
    )
    zones = {it: found.zone.key for it in ("shop-1", "shop-eu-2", "shop-eu-1") if (found := marketplaces.find(it))}
    assert zones == {"shop-1": "UTC", "shop-eu-2": "Europe/Paris", "shop-eu-1": "Europe/Berlin"}


def test_days_that_break_the_weeks_rule_are_read(tmp_path: Path) -> None:
    days = "    holidays: [2026-10-01, 2026-10-04]\n    workdays: [2026-10-10]\n"
    found = loaded(tmp_path, entry() + days).find("shop-1")
    assert found is not None
    assert found.holidays == {date(2026, 10, 1), date(2026, 10, 4)}
    assert found.workdays == {date(2026, 10, 10)}
    plain = Marketplaces.load(SHIPPED).find("olist")
    assert plain is not None
    assert (plain.holidays, plain.workdays) == (frozenset(), frozenset())


def test_asking_for_many_unknown_ids_is_remembered_only_up_to_a_limit(tmp_path: Path) -> None:
    marketplaces = loaded(tmp_path, entry())
    for number in range(FOUND_MAX + 10):
        assert marketplaces.find(f"x{number}") is None
    assert len(vars(marketplaces)["_found"]) <= FOUND_MAX
    assert marketplaces.find("shop-1") is marketplaces.find("shop-1")


@pytest.mark.parametrize(
    ("mistake", "place"),
    [
        (entry(zone="Mars/Olympus"), "marketplaces.0.zone: .*'Mars/Olympus' is not an IANA time zone"),
        (entry(day_cut="10:30"), "marketplaces.0.day_cut: .*found 630"),
        (entry(day_cut='"24:00"'), "marketplaces.0.day_cut"),
        (entry(id="Shop"), "marketplaces.0.id"),
        (entry(id="a*b"), "marketplaces.0.id"),
        (entry(id='"*"'), "marketplaces.0.id"),
        (entry(source='"*"'), "marketplaces.0.sources.0"),
        (entry(profile="Sandbox Direct"), "marketplaces.0.channel_accounts.0.profile"),
        (entry(profile="sandbox-direkt"), "marketplaces.0.channel_accounts.0.profile"),
        (entry(account="a/b"), "marketplaces.0.channel_accounts.0.account"),
        (entry() + "    colour: red\n", "marketplaces.0.colour"),
        (entry() + "    holidays: 2026-10-01\n", "marketplaces.0.holidays: .*list"),
        (entry() + "    holidays: [2026-10-01, tomorrow]\n", "marketplaces.0.holidays.1: .*'tomorrow'"),
        (entry() + "    holidays: [2026-13-01]\n", "is not YAML: month must be in 1..12"),
        (entry() + "    holidays: ['2026-10-01']\n", "marketplaces.0.holidays.0: .*'2026-10-01'"),
        (entry() + "    holidays: [2026-10-01 00:00:00]\n", "marketplaces.0.holidays.0"),
        (
            entry() + f"    holidays: [{', '.join(['2026-10-01'] * (DAYS_MAX + 1))}]\n",
            "marketplaces.0.holidays: .*2000",
        ),
        (entry() + "    workdays: [2026-10-08]\n", "marketplaces.0.workdays: .*2026-10-08 is no Saturday or Sunday"),
        (
            entry() + "    workdays: [2026-10-10]\n    holidays: [2026-10-10]\n",
            "2026-10-10 is both a holiday and worked",
        ),
        (" []", "marketplaces: "),
        (" {", "is not YAML"),
        (entry() + entry(), "'shop-\\*' stands there twice"),
        (entry(id="a", account="one") + entry(id="b", account="one"), "'one' belongs to both 'a' and 'b'"),
        (entry(account="one"), "would share account 'one'"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, mistake: str, place: str) -> None:
    with pytest.raises(MarketplacesError, match=place) as refused:
        loaded(tmp_path, mistake)
    assert "marketplaces.yaml" in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MarketplacesError, match=r"nowhere\.yaml: cannot be read"):
        Marketplaces.load(tmp_path / "nowhere.yaml")


def test_debts_are_borne_without_a_limit_unless_the_file_says_one(tmp_path: Path) -> None:
    limited = entry(id="shop-b").rstrip("\n") + "\n    debts: {days: 30, amounts: {CNY: 100000}}\n"
    found = loaded(tmp_path, entry(id="shop-a"), limited)
    free, strict = found.find("shop-a"), found.find("shop-b")
    assert free is not None
    assert strict is not None
    assert free.debts == DebtLimits()
    assert strict.debts == DebtLimits(30, {"CNY": 100_000})


@pytest.mark.parametrize("wrong", ["{days: -1}", "{amounts: {CNY: -1}}", "{amounts: {yuan: 1}}", "{weeks: 1}", "30"])
def test_limits_of_debts_that_make_no_sense_are_named(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(MarketplacesError, match="debts"):
        loaded(tmp_path, entry().rstrip("\n") + f"\n    debts: {wrong}\n")


@pytest.mark.parametrize(
    ("account", "owner"),
    [
        ("one", "shop-a"),
        ("test-7", "test-7"),
        ("cny.test-7.x", "test-7"),
        ("test-a/test-a", None),
        ("test-a-test-a", "test-a"),
        ("test-a-test-b", "test-a-test-b"),
        ("shop-a", None),
        ("Test-7", None),
        ("test-7\n", None),
        ("", None),
        ("test-both", None),
    ],
)
def test_an_account_says_whose_it_is_unless_it_could_be_of_two(tmp_path: Path, account: str, owner: str | None) -> None:
    more = '      - {profile: sandbox-direct, account: "cny.{marketplace}.x"}\n'
    twice = '      - {profile: alipay-split, account: "{marketplace}-{marketplace}"}\n'
    listed = entry(id="test-*").replace("channel_accounts: [", "channel_accounts:\n      - ").rstrip("]\n") + "\n"
    found = loaded(
        tmp_path,
        entry(id="shop-a", account="one"),
        entry(id="shop-b", account="test-both"),
        listed + more + twice,
    )
    profile = "alipay-split" if account == "test-a-test-a" else "sandbox-direct"
    named = found.owner_of(profile, account)
    assert (named and named.id) == owner
    assert named is None or named.owns(profile, account)


def test_the_exact_entry_of_a_marketplace_hides_what_its_prefix_would_own(tmp_path: Path) -> None:
    found = loaded(tmp_path, entry(id="shop-*"), entry(id="shop-a", account="own"))
    assert found.owner_of("sandbox-direct", "shop-a") is None
    assert found.owner_of("sandbox-direct", "shop-b") is not None
    assert found.owner_of("stripe-connect", "shop-b") is None


WAIVER = '    waivers: [{profile: stripe-connect, by: "Ann Lee", at: 2026-11-02, reason: "licensed there"}]\n'


@pytest.mark.parametrize("profile", ["stripe-connect", "allinpay-strong-1"])
def test_a_profile_whose_money_takes_a_way_over_the_platform_needs_a_waiver_on_record(
    tmp_path: Path, profile: str
) -> None:
    with pytest.raises(MarketplacesError, match=rf"marketplaces\.0: .*{profile} needs a waiver"):
        loaded(tmp_path, entry(profile=profile))
    waived = loaded(tmp_path, entry(profile=profile), WAIVER.replace("stripe-connect", profile)).find("shop-a")
    assert waived is not None
    assert (waived.waived(profile), waived.waived("sandbox-direct")) == (True, False)
    assert [(it.profile, it.by, it.at, it.reason) for it in waived.waivers] == [
        (profile, "Ann Lee", date(2026, 11, 2), "licensed there")
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ("profile: stripe-connect", "profile: pingan-witness", "needs no waiver"),
        ('by: "Ann Lee", ', "", "by: Field required"),
        (", at: 2026-11-02", "", "at: Field required"),
        (', reason: "licensed there"', "", "reason: Field required"),
        ("licensed there", " ", "reason: String should match"),
        ("profile: stripe-connect", "profile: allinpay-strong-1", "stripe-connect needs a waiver"),
    ],
)
def test_a_waiver_says_who_when_and_why_and_of_what(tmp_path: Path, right: str, wrong: str, place: str) -> None:
    assert right in WAIVER
    with pytest.raises(MarketplacesError, match=place):
        loaded(tmp_path, entry(profile="stripe-connect"), WAIVER.replace(right, wrong))


def test_an_account_of_the_platforms_own_is_told_apart(tmp_path: Path) -> None:
    own = entry(account='{marketplace}"').replace('""', '", own: true')
    found = loaded(tmp_path, own).find("shop-a")
    assert found is not None
    assert found.is_own("sandbox-direct", "shop-a")
    assert not found.is_own("sandbox-direct", "shop-b")
    usual = loaded(tmp_path, entry()).find("shop-a")
    assert usual is not None
    assert not usual.is_own("sandbox-direct", "shop-a")
