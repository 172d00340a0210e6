"""What people read of results."""

from typing import Any

import msgspec
from tests.bench import report
from tests.bench.result import Result, ratio
from tests.bench.usage import Cpu, Memory, spent

RESULT = Result(
    name="capacity",
    side="weir",
    rate=None,
    window=2_500,
    legs=3,
    stored=0,
    seconds=60.0,
    offered=90_100,
    completed=90_000,
    per_s=1_500.0,
    p50_s=1.2,
    p99_s=2.5,
    max_s=3.0,
    sustained=None,
    backlog_grew=0.0,
    cpu_us={"split": 200.0, "payments": 300.0, "kafka": 90.0, "payments-2": 10.0},
    cores=1.8,
    elsewhere_cores=0.1,
    memory_mib={name: Memory(90, 100) for name in ("payments", "payments-2", "split", "aftersale", "merchant")},
    batches={"split.split-requested": 400.0, "payments.order-paid": 300.0},
    taken={},
    transactions=900,
    transaction_retries=0,
    published=100_000,
    settled=100_000,
    repeated=0,
)


def result(**changes: Any) -> Result:  # noqa: ANN401 - fields of a result
    return msgspec.structs.replace(RESULT, **changes)


def test_the_share_of_the_floor_needs_both() -> None:
    assert ratio([result()]) is None
    assert ratio([result(), result(side="floor", per_s=2_500.0), result(name="116/s", per_s=116.0)]) == 0.6
    many = result(name="50 receivers", per_s=300.0)
    assert ratio([many, result(name="50 receivers", side="floor", per_s=400.0)]) == 0.75


def test_processes_stand_in_the_order_of_the_flow_and_each_run_has_its_line() -> None:
    other = result(side="floor", cpu_us={"split": 100.0})
    cpu, batches = (it for it in report.tables([result(), other]) if it.title.startswith(("CPU", "Records")))
    assert cpu.columns == ("run", "payments", "payments-2", "split", "kafka")
    assert cpu.rows == [("weir capacity", "300", "10", "200", "90"), ("floor capacity", "", "", "100", "")]
    assert batches.columns == ("run", "payments.order-paid", "split.split-requested")
    assert batches.rows[0] == ("weir capacity", "300", "400")


def test_a_goal_says_whether_it_is_met() -> None:
    met = {row[0]: row[-1] for row in report.goal_rows([result(per_s=1_199.0), result(name="116/s", cores=0.9)])}
    assert met == {
        "orders a second, sustained": "NO",
        "p99 at that, s": "yes",
        "p99 at 116/s, s": "NO",
        "cores at 116/s": "yes",
        "largest service, MiB at its peak": "yes",
    }


def test_a_goal_that_is_just_reached_is_met() -> None:
    assert report.goal_rows([result(per_s=1_200.0, p99_s=2.6)])[0][-1] == "yes"


def test_growth_compares_the_last_run_with_the_first_and_leaves_out_the_young_jvm() -> None:
    costs = {"10k stored": (200.0, 400.0), "500k stored": (900.0, 900.0), "1,000k stored": (240.0, 240.0)}
    runs = [result(name=name, cpu_us={"split": split, "kafka": kafka}) for name, (split, kafka) in costs.items()]
    goals = [row for row in report.goal_rows(runs) if row[0].startswith("CPU")]
    assert goals == [
        ("CPU of an order, 1,000k stored / 10k stored", "0.8", "≤ 1.1", "yes"),
        ("CPU of an order, 1,000k stored / 10k stored, without Kafka", "1.2", "≤ 1.1", "NO"),
    ]


def test_a_table_of_speed_says_what_was_asked_and_whether_it_was_kept_up_with() -> None:
    row = report.speed_rows([result(rate=1_160.0, window=None, sustained=False)])[0]
    assert row == ("weir capacity", "1160/s", "1,500", "1.20 / 2.50 / 3.00", "600", "1.80", "0.10", "NO")


def test_copies_of_a_service_are_shown_to_share_the_work() -> None:
    rows = report.proof_rows([result(), result(taken={"split": 1_000, "split-2": 900})])
    assert [row[1] for row in rows if row[0] == "  records taken"] == ["split 1,000, split-2 900"]


def test_a_run_on_a_busy_machine_is_named() -> None:
    told = report.warnings([result(), result(name="116/s", elsewhere_cores=0.9)])
    assert [it.partition(":")[0] for it in told] == ["weir 116/s"]


def test_what_others_used_is_the_machine_without_the_processes_measured() -> None:
    used = spent(Cpu(10.0, {"a": 1.0, "b": 2.0}, 100.0), Cpu(20.0, {"a": 6.0, "b": 12.0}, 119.0))
    assert (used.cores, round(used.elsewhere_cores, 3)) == (1.5, 0.4)
