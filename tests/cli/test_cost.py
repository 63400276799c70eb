"""`lambda-otel cost`: prices, what follows from them, and what it reads of an app."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from aws_cdk import App, CfnParameter, Stack
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk import InstrumentedFunction, Keep, Kinesis, OtlpForwarder
from lambda_otel_lite_cdk.cli.cost import ways
from lambda_otel_lite_cdk.cli.cost.load import Forwarders, Group, Load
from lambda_otel_lite_cdk.cli.cost.overhead import at, read_overheads
from lambda_otel_lite_cdk.cli.cost.prices import FILE, read_prices
from lambda_otel_lite_cdk.cli.cost.show import times
from lambda_otel_lite_cdk.cli.cost.ways import rows
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings
from otlp_forwarder.counts import Counts
from otlp_forwarder.result.metrics import UNITS, metrics_line
from tests import costs as costs_in_pages
from tests.benchmarks import lines
from tests.benchmarks.export import EXPORTERS
from tests.cli.command import assert_refused, run

pytestmark = pytest.mark.once

PRICES = read_prices("us-east-1")
OVERHEADS = read_overheads()


def costs(*arguments: str | Path) -> dict[str, Any]:
    """Run the command, and return its JSON."""
    done = run("cost", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def usd(found: dict[str, Any]) -> dict[tuple[str, str], float]:
    """The totals by way and by what is exported."""
    return {(row["way"], row["exported"]): row["usd"]["total"] for row in found["ways"]}


# Three of AWS's own examples, and one that is quoted from AWS. All are of us-east-1.


def test_the_example_of_a_web_app_on_lambda() -> None:
    """60 million calls of 28 ms with 1 GB are $12 and $28.

    https://aws.amazon.com/blogs/aws/new-for-aws-lambda-1ms-billing-granularity-adds-cost-savings/
    """
    requests = 100_000 * 20 * 30
    assert round(PRICES.cost("lambda.requests", requests), 2) == 12.00
    assert round(PRICES.cost("lambda.x86_64", requests * 0.028), 2) == 28.00


def test_the_first_example_of_lambdas_pricing_page() -> None:
    """3 million calls of a second with 512 MB, the free ones taken off, are $18.34 and $0.40.

    https://aws.amazon.com/lambda/pricing/ as it was when a GB-second was said to be $0.00001667.
    """
    prices = read_prices("us-east-1", ["lambda.x86_64=0.00001667"])
    assert round(prices.cost("lambda.x86_64", 3_000_000 * 512 / 1024 - 400_000), 2) == 18.34
    assert round(prices.cost("lambda.requests", 3_000_000 - 1_000_000), 2) == 0.40


def test_the_first_example_of_xrays_pricing_page() -> None:
    """2,000 requests an hour, a tenth of them sampled, 100,000 traces free, are $0.24.

    https://aws.amazon.com/xray/pricing/
    """
    assert round(PRICES.cost("xray.traces", 2000 * 24 * 31 * 0.1 - 100_000), 2) == 0.24


def test_the_example_of_the_steps_for_logs() -> None:
    """60 TB of Lambda's logs, which had been $30,000, are $12,500.

    AWS's example, as https://www.duckbillgroup.com/?p=9080 has it.
    """
    assert PRICES.cost("logs.ingested", 60_000) == pytest.approx(12_500)
    assert read_prices("us-east-1", ["logs.ingested=0.5"]).cost("logs.ingested", 60_000) == 30_000


def test_every_price_says_where_and_when_it_was_read() -> None:
    for prices in json.loads(FILE.read_text("utf-8")).values():
        for name, price in prices.items():
            assert price["page"].startswith("https://"), name
            assert price["read"].count("-") == 2, name
            assert price["usd"] is not None or "not found" in price["note"], name


def test_a_month_by_hand() -> None:
    """Every part of the first row, from prices, the benchmarks' figures and nothing else."""
    load = Load(groups=(Group(functions=2, memory_mb=1769),), bytes_per_span=200)
    calls = 2 * 1_000_000
    own = OVERHEADS["this"]
    ms = at(own.call_us, 5) / 1000 + own.cold_ms * 0.01
    gb_seconds = calls * ms / 1000 * 1769 / 1024
    written, forwarders = calls * 5 * 200 / 1e9, calls * ways.FORWARDER_LOG_BYTES / 1e9

    [row, *_] = rows(load, PRICES, OVERHEADS)

    assert row.functions == pytest.approx(gb_seconds * 0.0000166667)
    assert row.logs == pytest.approx(written * (0.50 + 0.03))
    assert row.forwarding == pytest.approx(
        calls * 0.2e-6
        + calls * 0.060 * 0.5 * 0.0000166667
        + forwarders * (0.50 + 0.03)
        + ways.METRICS * 0.30
        + ways.ALARMS * 0.10
    )
    assert row.quota.name == "forwarder concurrency"
    assert row.quota.used == pytest.approx(calls / (730 * 3600) * 3 * 0.060)


def test_a_stream_by_hand() -> None:
    """On demand by the GB, 1 KB at least on the way in; in shards by the hour and by 25 KB."""
    load = Load(groups=(Group(functions=100),), bytes_per_span=300)
    records = 100 * 1_000_000
    on_demand = ways.stream(load, PRICES, records, 1500)
    volume = records / 1e9
    assert on_demand.dollars == pytest.approx(
        730 * 0.04 + volume * 2048 * 0.08 + volume * 1500 * 0.04
    )
    # A hundred million a month are 38 a second; four readers wait a second each.
    assert on_demand.calls == pytest.approx(records / (records / (730 * 3600) / 4))

    sharded = Load(groups=load.groups, forwarding=Forwarders(shards=2, batch_size=10))
    in_shards = ways.stream(sharded, PRICES, records, 1500)
    assert in_shards.dollars == pytest.approx(2 * 730 * 0.015 + records * 0.014e-6)
    assert in_shards.calls == records / 10

    patient = Load(groups=load.groups, forwarding=Forwarders(window_seconds=7, batch_size=10_000))
    assert ways.stream(patient, PRICES, records, 1500).calls == pytest.approx(on_demand.calls / 7)

    [row] = [row for row in rows(load, PRICES, OVERHEADS) if row.way == "this, Kinesis"]
    kept_lines = records * 1500 / 1e9
    assert row.forwarding + row.logs == pytest.approx(
        on_demand.dollars
        + on_demand.calls * (0.2e-6 + 0.060 * 0.5 * 0.0000166667)
        + (kept_lines + on_demand.calls * ways.FORWARDER_LOG_BYTES / 1e9) * (0.50 + 0.03)
        + ways.METRICS * 0.30
        + ways.STREAM_ALARMS * 0.10
    )


def test_an_invocation_that_is_not_kept_costs_what_was_measured_of_it() -> None:
    nothing = replace(OVERHEADS["this, not kept"], cold_ms=0, call_us={1.0: 0.0, 21.0: 0.0})
    overheads = {**OVERHEADS, "this, not kept": nothing}
    found = rows(Load(errors=0.25), PRICES, overheads)
    kept = {row.exported: row for row in found if row.way == "this, direct"}
    assert kept["errors"].functions == pytest.approx(kept["all"].functions / 4)


@pytest.mark.parametrize(
    ("keep", "share"),
    [
        (None, 1.0),
        (Keep(), 0.0),
        (Keep(errors=True), 0.02),
        (Keep(ratio=0.1), 0.1),
        (Keep(errors=True, ratio=0.1), 1 - 0.98 * 0.9),
        (Keep(timeouts=True, cold_starts=True, slower_than_ms=500), 1 - 0.97 * 0.96 * 0.95),
    ],
)
def test_the_share_that_rules_keep(keep: Keep | None, share: float) -> None:
    load = Load(errors=0.02, timeouts=0.03, cold_starts=0.04, slow=0.05)
    assert load.exported(keep) == pytest.approx(share)


def test_a_function_with_less_memory_is_longer_at_it() -> None:
    [small, whole, more] = (
        OVERHEADS["this"].ms(5, memory, cold_starts=0) for memory in (128, 1769, 10_240)
    )
    assert small == pytest.approx(whole * 1769 / 128)
    assert whole == more


def test_between_measured_numbers_of_spans_the_line_is_straight() -> None:
    points = {1.0: 10.0, 5.0: 30.0, 20.0: 45.0}
    assert [at(points, number) for number in (1, 3, 5, 10, 40)] == [10, 20, 30, 35, 65]


def test_every_rule_and_every_way_has_a_row() -> None:
    found = {(row.way, row.exported) for row in rows(Load(), PRICES, OVERHEADS)}
    direct = "this, direct"
    assert found == {
        (direct, "all"),
        ("this, account policy", "all"),
        ("this, Kinesis", "all"),
        (direct, "timeouts"),
        (direct, "errors"),
        (direct, "cold_starts"),
        (direct, "slower_than_ms=1000"),
        (direct, "ratio=0.05"),
        ("lambda-otel-lite 0.15", "all"),
        ("ADOT layer", "all"),
        ("X-Ray SDK", "all"),
        ("Datadog's extension", "all"),
    }


def test_what_the_forwarder_writes_is_as_large_as_reckoned() -> None:
    counts = Counts(records=1, spans=5, requests=1, bytes=1000)
    platform = (
        "START RequestId: 35a7e0cb-4902-490d-b8d3-eb315dded660 Version: $LATEST\n"
        "END RequestId: 35a7e0cb-4902-490d-b8d3-eb315dded660\n"
        "REPORT RequestId: 35a7e0cb-4902-490d-b8d3-eb315dded660\tDuration: 60.00 ms\tBilled "
        "Duration: 60 ms\tMemory Size: 512 MB\tMax Memory Used: 60 MB\t\n"
    )
    written = len(metrics_line(counts, "Telemetry-Forwarder0123456789AB")) + len(platform)
    assert written == pytest.approx(ways.FORWARDER_LOG_BYTES, rel=0.15)
    assert len(UNITS) == ways.METRICS


@pytest.fixture(scope="module")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make an app of three functions with a forwarder that gets their lines in the given way."""

    def make(**way: Any) -> Path:
        app = App(outdir=str(tmp_path_factory.mktemp("app")), analytics_reporting=False)
        stack = Stack(app, "Shop")
        forwarder = OtlpForwarder(stack, "Forwarder", endpoint="https://collector.invalid", **way)
        for name, memory, telemetry in (
            ("Orders", 256, TelemetrySettings()),
            ("Refunds", 256, TelemetrySettings()),
            ("Search", 1024, TelemetrySettings(keep=Keep(errors=True, ratio=0.1))),
        ):
            InstrumentedFunction(
                stack,
                name,
                runtime=lambda_.Runtime.PYTHON_3_13,
                architecture=lambda_.Architecture.ARM_64,
                handler="index.handler",
                memory_size=memory,
                code=lambda_.Code.from_inline("handler = print"),
                telemetry=telemetry,
                forwarding=forwarder.forwarding,
            )
        return Path(app.synth().directory)

    return make


def alarms(assembly: Path) -> int:
    """How many alarms there are."""
    resources = json.loads((assembly / "Shop.template.json").read_text("utf-8"))["Resources"]
    return sum(resource["Type"] == "AWS::CloudWatch::Alarm" for resource in resources.values())


def test_an_app_says_its_functions_and_how_they_are_forwarded(
    synthesize: Callable[..., Path],
) -> None:
    assembly = synthesize(concurrency=25)
    found = costs(assembly, "--errors", "0.02")

    assert found["load"]["groups"] == [
        {"functions": 1, "memory_mb": 1024, "architecture": "arm64", "keep": "errors,ratio=0.1"},
        {"functions": 2, "memory_mb": 256, "architecture": "arm64", "keep": None},
    ]
    assert found["load"]["forwarding"]["kinds"] == ["direct"]
    assert found["load"]["forwarding"]["concurrency"] == 25
    assert found["load"]["forwarding"]["memory_mb"] == 512
    first = found["ways"][0]
    assert (first["way"], first["exported"]) == ("as the app is", "by each function's rules")
    assert first["share"] == pytest.approx((2 + 1 - 0.98 * 0.9) / 3, abs=1e-6)
    assert alarms(assembly) == ways.ALARMS


def test_an_app_with_a_stream_and_one_with_an_account_policy(
    synthesize: Callable[..., Path],
) -> None:
    stream = Kinesis(shards=2, parallel=3, batch_size=40, window_seconds=5)
    assembly = synthesize(via=stream)
    assert alarms(assembly) == ways.STREAM_ALARMS
    streamed = costs(assembly)
    assert streamed["load"]["forwarding"] | {"concurrency": None} == {
        "kinds": ["Kinesis"],
        "concurrency": None,
        "shards": 2,
        "parallel": 3,
        "batch_size": 40,
        "window_seconds": 5,
        "memory_mb": 512,
    }
    assert streamed["ways"][0]["quota"]["limit"] == 2 * 3

    account = costs(synthesize(account_level=True))
    assert account["load"]["forwarding"]["kinds"] == ["account policy"]


def test_what_is_given_counts() -> None:
    plain, twice = usd(costs("--functions", "10")), usd(costs("--functions", "20"))
    assert plain.keys() == twice.keys()
    assert twice["X-Ray SDK", "all"] == pytest.approx(2 * plain["X-Ray SDK", "all"], abs=1e-3)

    dear = costs("--functions", "10", "--price", "xray.traces=50")
    assert usd(dear)["X-Ray SDK", "all"] == pytest.approx(
        plain["X-Ray SDK", "all"] + 10 * 45, abs=1e-3
    )
    assert dear["prices"]["xray.traces"]["read"] == "given"

    kept = costs("--functions", "10", "--keep", "errors,ratio=0.5", "--errors", "0.5")
    assert kept["ways"][0]["exported"] == "errors,ratio=0.5"
    assert kept["ways"][0]["share"] == 0.75
    assert kept["overheads"]["adot"]["row"] == "otel aws-lambda + OTLP"


def test_a_price_that_no_page_has_is_asked_for() -> None:
    way = "Datadog's extension", "all"
    assert usd(costs())[way] is None
    assert "Found on no page, so give --price: datadog.invocations" in run("cost").stdout

    given = costs("--price", "datadog.invocations=10", "--price", "datadog.functions=5")
    assert usd(given)[way] == pytest.approx(10 + 5, abs=0.1)
    assert (
        "no page"
        not in run(
            "cost", "--price", "datadog.invocations=1", "--price", "datadog.functions=1"
        ).stdout
    )


def test_a_log_says_how_many_spans_there_are_and_how_large(tmp_path: Path) -> None:
    log = tmp_path / "log"
    printed = io.StringIO()
    with redirect_stdout(printed):
        for count in (1, 3):
            EXPORTERS[lines.NATIVE]().export(lines.request_spans(count))
    log.write_text(f"START RequestId: 1\n{printed.getvalue()}")
    load = costs("--log", log)["load"]
    assert load["spans"] == 2
    assert load["bytes_per_span"] == len(printed.getvalue()) / 4


def test_the_table_says_what_was_asked_and_a_quota_that_is_exceeded() -> None:
    done = run("cost", "--functions", "200", "--memory", "256")
    assert done.returncode == 0
    printed = done.stdout.splitlines()
    assert printed[0].startswith("200 functions of 256 MB, each with 1M invocations a month")
    [direct] = [line for line in printed if line.startswith("this, direct") and " all " in line]
    assert "forwarder concurrency, 0.7x" in direct
    assert "Prices read on 2026-11-26" in printed[-1]


def test_a_narrow_terminal_has_a_line_for_each_way() -> None:
    wide, narrow = (
        run("cost", environment={"FORCE_COLOR": "1", "COLUMNS": columns}).stdout
        for columns in ("140", "80")
    )
    assert "forwarding" in wide
    assert "forwarding" not in narrow
    rows = [line for line in narrow.splitlines() if "concurrency, " in line or "segments, " in line]
    assert len(rows) == 12


def test_the_plot_has_a_line_for_each_way_of_a_cost_of_its_own(tmp_path: Path) -> None:
    plot = tmp_path / "cost.svg"
    assert run("cost", "--plot", plot, "--json").returncode == 0
    again = tmp_path / "again.svg"
    assert run("cost", "--plot", again, "--json").returncode == 0
    assert plot.read_bytes() == again.read_bytes()

    drawing = ET.parse(plot)  # noqa: S314 - written above
    name = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in drawing.iter(f"{name}text")]
    assert "this, Kinesis, all" in texts
    assert "ADOT layer, all" in texts
    # The account policy costs what direct subscriptions do, and what Datadog costs is not known.
    assert not any(text and text.startswith(("this, account", "Datadog")) for text in texts)
    assert len(list(drawing.iter(f"{name}polyline"))) == 8
    assert list(drawing.iter(f"{name}circle"))


def test_what_costs_nothing_is_not_drawn(tmp_path: Path) -> None:
    free = [f"--price={name}=0" for name in PRICES.prices]
    refused = run("cost", *free, "--plot", tmp_path / "cost.svg")
    assert_refused(refused, "--plot has nothing to draw")

    alone = [price for price in free if not price.startswith("--price=xray")]
    assert run("cost", *alone, "--plot", tmp_path / "cost.svg").returncode == 0
    drawn = (tmp_path / "cost.svg").read_text("utf-8")
    assert "ADOT layer, all" in drawn
    assert "this, direct" not in drawn


@pytest.mark.parametrize(
    ("factor", "text"), [(0.0004, "0.0004x"), (0.73, "0.7x"), (1.5, "1.5x"), (1234.5, "1,234x")]
)
def test_times_of_a_load(factor: float, text: str) -> None:
    assert times(factor) == text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--region", "eu-west-1"], ["eu-west-1", "us-east-1", "--price NAME=USD"]),
        (["--price", "gold=1"], ["'gold'", "xray.traces"]),
        (["--price", "xray.traces=cheap"], ["'cheap'", "1,000,000 traces, 0 or more"]),
        (["--price", "logs.stored=-1"], ["'-1'", "dollars for GB-months"]),
        (["--price", "xray.traces=inf"], ["'inf'"]),
        (["--keep", "always"], ["always", "ratio=0 to 1", "errors,ratio=0.05"]),
        (["--keep", "ratio=7"], ["ratio=7"]),
        (["--errors", "2"], ["--errors", "0<=x<=1"]),
        (["--functions", "0"], ["--functions"]),
        (["--plot", "cost.bmp"], ["cost.bmp", ".svg"]),
        (["--plot", "missing/cost.svg"], ["cannot be written", "another path"]),
        (["--log", "x.log", "--spans", "3"], ["--log", "leave them out"]),
        (["--log", "missing.log"], ["missing.log"]),
        (["somewhere", "--memory", "512"], ["CDK_OUT", "leave them out"]),
        (["nowhere"], ["nowhere"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], words: list[str], tmp_path: Path
) -> None:
    assert_refused(run("cost", *arguments, cwd=tmp_path), *words)


def test_an_app_without_telemetry_and_a_log_without_spans(assembly: Path, tmp_path: Path) -> None:
    assert_refused(run("cost", assembly), "none of its", "is instrumented", "lambda-otel fleet")
    (tmp_path / "log").write_text("nothing\n")
    assert_refused(run("cost", "--log", tmp_path / "log"), "holds no spans")


def test_a_rule_that_deployment_decides_is_refused(tmp_path: Path) -> None:
    stack = Stack(App(outdir=str(tmp_path), analytics_reporting=False), "Shop")
    rule = CfnParameter(stack, "Rule")
    InstrumentedFunction(
        stack,
        "Orders",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("handler = print"),
        environment={"LAMBDA_OTEL_KEEP": rule.value_as_string},
    )
    stack.node.root.synth()  # type: ignore[attr-defined]  # it is an App
    assert_refused(run("cost", tmp_path), "Shop/Orders", "LAMBDA_OTEL_KEEP", "--functions")


def test_readme_has_what_the_command_prints() -> None:
    for path, text in costs_in_pages.written().items():
        assert path.read_text("utf-8") == text, f"`make docs` writes {path.name}"


def test_help_names_every_option_and_what_is_compared() -> None:
    done = run("cost", "--help")
    assert done.returncode == 0
    for text in ("CDK_OUT", "--invocations", "--bytes-per-span", "--price NAME=USD", "--plot"):
        assert text in done.stdout
    text = " ".join(done.stdout.split())
    assert "the ADOT layer, the X-Ray SDK and Datadog's extension" in text
    assert "lambda-otel cost cdk.out --invocations 3e6 --errors 0.02" in text
    assert "Say what tracing costs in a month" in run("--help").stdout
