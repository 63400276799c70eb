"""`lambda-otel decode` as a user starts it, on logs as AWS's tools give them."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict
from rich.cells import cell_len

from lambda_otel_lite_cdk.cli.traces.records import Decoder, spans_of
from tests.cli.command import COMMAND, ENVIRONMENT
from tests.cli.records import log_record

DECODE = (COMMAND, "decode")
STREAM = "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef"


def _decode(
    log: str | bytes, *options: str, code: int = 0
) -> tuple[str, subprocess.CompletedProcess[bytes]]:
    given = log.encode() if isinstance(log, str) else log
    done = subprocess.run(
        [*DECODE, *options], input=given, env=ENVIRONMENT, capture_output=True, check=False
    )
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done


def _filtered(**layout: int) -> str:
    events = [
        {
            "logStreamName": STREAM,
            "timestamp": 1795341600000,
            "message": f"{message}\n",
            "ingestionTime": 1795341600001,
            "eventId": str(number),
        }
        for number, message in enumerate(["START", log_record("one"), log_record("two"), "END"])
    ]
    return json.dumps({"events": events, "searchedLogStreams": []}, **layout)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "log",
    [
        "\n".join([log_record("one"), "noise", log_record("two")]),
        "".join(
            f"2026-11-22T10:00:00.123000+00:00 {STREAM} {log_record(name)}\n"
            for name in ("one", "two")
        ),
        gzip.compress(
            f"2026-11-22T10:00:00.123Z {log_record('one')}\n"
            f"2026-11-22T10:00:00.124Z {log_record('two')}\n".encode()
        ),
        f"[app {{x}}] {log_record('one')}\n{log_record('two')} trailing",
        _filtered(indent=4),
        _filtered(),
        gzip.compress(_filtered().encode()),
        json.dumps({"message": json.dumps({"inner": log_record("one") + log_record("two")})}),
    ],
    ids=["raw", "tail", "export", "prefix", "filter", "compact", "zipped", "nested"],
)
def test_records_are_found_in_every_kind_of_log(log: str | bytes) -> None:
    lines, _ = _decode(log, "--json")
    assert [json.loads(line)["name"] for line in lines.splitlines()] == ["one", "two"]


def test_kept_lines_pass_through_untouched_among_the_traces() -> None:
    noise = "START \x1b[31mred\x1b[0m\r\n  indented\t\n{}\n"
    drawn, _ = _decode(noise + log_record("work") + "\nlast", "--keep-logs")
    assert drawn.startswith(noise + "last")
    assert "shop: work" in drawn
    assert "__otel_otlp_stdout" not in drawn


def test_kept_lines_cannot_act_on_a_terminal() -> None:
    screen, terminal = pty.openpty()
    log = "\x1b[2Jred\r\n\tindented\n" + log_record("work") + "\n"
    with subprocess.Popen(
        [*DECODE, "--keep-logs"], stdin=subprocess.PIPE, stdout=terminal, env=ENVIRONMENT
    ) as process:
        process.communicate(log.encode())
    os.close(terminal)
    shown = os.read(screen, 65536)
    os.close(screen)

    assert process.returncode == 0
    assert "\N{REPLACEMENT CHARACTER}[2Jred\r\n" in shown.decode()
    assert b"indented\r\n" in shown
    assert b"\x1b[2J" not in shown


def test_kept_lines_do_not_mix_with_what_a_program_reads() -> None:
    lines, done = _decode("noise\n" + log_record("work"), "--keep-logs", "--json")
    assert [json.loads(line)["name"] for line in lines.splitlines()] == ["work"]
    assert done.stderr == b"noise\n"


def test_otlp_json_is_the_request_with_ids_in_hexadecimal() -> None:
    line = log_record("work", count=3)
    [request] = Decoder().requests(line.encode()) or []
    lines, _ = _decode(line, "--format", "otlp-json")
    body = json.loads(lines)
    [span] = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    original = request.resource_spans[0].scope_spans[0].spans[0]
    assert span["traceId"] == original.trace_id.hex()
    assert span["spanId"] == original.span_id.hex()
    assert span["kind"] == original.kind
    assert span["startTimeUnixNano"] == str(original.start_time_unix_nano)
    assert span["attributes"] == [{"key": "count", "value": {"intValue": "3"}}]
    assert body.keys() == MessageToDict(request).keys()


def test_otlp_json_is_read_again(tmp_path: Path) -> None:
    log = "\n".join(log_record(name, n=2**60, ok=True) for name in ("one", "two"))
    written, _ = _decode(log, "--format", "otlp-json")
    unknown = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"new","shape":9}]}]}],"v":1}'

    assert _decode(written + unknown, "--json")[0].startswith(_decode(log, "--json")[0])
    assert '"name": "new"' in _decode(unknown, "--json")[0]


@pytest.mark.parametrize("indent", [1, 2, "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_otlp_json_is_read_however_a_tool_has_laid_it_out(indent: int | str, end: str) -> None:
    log = "\n".join(log_record(name, braces="}\n{") for name in ("one", "two"))
    written, _ = _decode(log, "--format", "otlp-json")
    requests = [json.loads(line) for line in written.splitlines()]
    each = "\n".join(json.dumps(one, indent=indent) for one in requests)
    listed = json.dumps({"batches": requests}, indent=indent)
    inline = f"{{ {each.removeprefix('{').lstrip()}"

    for laid_out in (each, listed, inline):
        shown, done = _decode(f"before\n{laid_out}\nafter\n".replace("\n", end), "--json")
        assert shown == _decode(log, "--json")[0]
        assert not done.stderr


def test_otlp_json_that_is_cut_is_counted() -> None:
    written, _ = _decode(log_record("lost"), "--format", "otlp-json")
    laid_out = json.dumps(json.loads(written), indent=2)
    for log in (laid_out[:-40], f"{laid_out[:-40]}\n{log_record('good')}"):
        _, done = _decode(log + "\n" + log_record("kept"), "--json")
        assert b"1 malformed record(s): 1 not complete JSON" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}',
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":7}]}]}]}',
        '{"resourceSpans":7}',
        '{"resourceSpans":["a"]}',
        '{"resourceSpans":',
        '{"resourceSpans":' + "[" * 100_000,
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"x"}]}]}]}',
    ],
)
def test_what_is_no_otlp_json_is_counted(line: str) -> None:
    log = f'{line}\n{log_record("good")}\nthe word "resourceSpans" in a log\n'
    shown, done = _decode(log, "--json")

    assert [json.loads(one)["name"] for one in shown.splitlines()] == ["good"]
    assert b"1 malformed record(s): 1 not an OTLP trace request in JSON" in done.stderr


def test_a_number_that_json_cannot_express_is_text() -> None:
    lines, _ = _decode(log_record("work", ratio=float("inf"), bad=float("nan")), "--json")
    assert json.loads(lines)["attributes"] == {"ratio": "inf", "bad": "nan"}
    _decode(log_record("work", ratio=float("inf")), "--format", "otlp-json")


def test_malformed_records_are_counted_and_fail_only_under_strict() -> None:
    log = "\n".join([log_record()[:-9], log_record("kept")])
    for options, code in (((), 0), (("--strict",), 1)):
        drawn, done = _decode(log, *options, code=code)
        assert "shop: kept" in drawn
        assert done.stderr.decode().startswith("standard input: 1 malformed record(s): 1 not comp")
    _decode(log_record("kept"), "--strict")


def test_details_show_events_links_and_all_attributes_on_demand() -> None:
    plain, _ = _decode(log_record("work", unusual="yes"))
    detailed, _ = _decode(log_record("work", unusual="yes"), "--details")
    assert "unusual=yes" not in plain
    assert "unusual=yes" in detailed
    assert "scope=tests" in detailed


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (b"", ["is empty", "give the log"]),
        (b"\x7fELF\0", ["binary file", "give a log"]),
        (b"noise\n", ["holds no spans;", "give the log"]),
        (log_record()[:-9].encode(), ["holds no spans but 1 malformed record(s): 1 not complete"]),
        (b"\x1f\x8bnot gzip", ["damaged gzip"]),
    ],
    ids=["empty", "binary", "noise", "cut", "damaged"],
)
@pytest.mark.parametrize("form", ["waterfall", "json", "otlp-json", "html"])
def test_a_log_without_spans_is_refused_in_one_line(
    log: bytes, words: list[str], form: str, tmp_path: Path
) -> None:
    for options in ((), ("--output", str(tmp_path / "out"))):
        printed, done = _decode(log, "--format", form, *options, code=2)
        assert printed == ""
        [line] = done.stderr.decode().splitlines()
        assert all(word in line for word in words), line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["no-such-file"], "the log no-such-file cannot be read"),
        (["-", "no-such-file"], "give a file, a folder, or - for standard input"),
        (["--json", "--format", "html"], "--format html and --json contradict"),
        (["--output", "no/folder/out.html"], "no/folder/out.html cannot be written"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(options: list[str], words: str) -> None:
    _, done = _decode(log_record(), *options, code=2)
    [line] = done.stderr.decode().splitlines()
    assert words in line


def test_a_report_is_not_printed_into_a_terminal() -> None:
    screen, terminal = pty.openpty()
    done = subprocess.run(
        [*DECODE, "--format", "html"],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 2
    assert b"give --output report.html" in done.stderr
    for descriptor in (screen, terminal):
        os.close(descriptor)


def test_a_damaged_file_gives_what_could_be_read_of_it(tmp_path: Path) -> None:
    log = gzip.compress(log_record("first").encode() + b"\n" + os.urandom(100_000).hex().encode())
    report = tmp_path / "report.html"
    for options in (["--json"], ["--format", "html", "-o", str(report)]):
        _, done = _decode(log[:-1000], *options, code=2)
        assert b"damaged gzip" in done.stderr
    assert '"name":"first"' in report.read_text("utf-8")


def test_a_followed_log_shows_a_trace_while_it_goes_on_and_ends_with_ctrl_c() -> None:
    process = subprocess.Popen(
        DECODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(log_record("early") + "\n")
        process.stdin.flush()
        # Blocks until the trace has been drawn, although the log has not ended.
        assert process.stdout.readline().startswith("Trace ")
        assert " UTC" in process.stdout.readline()
        assert "shop: early" in process.stdout.readline()
        while process.stdout.readline() != "\n":
            pass
        process.stdin.write(log_record("late") + "\nnoise\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith("Trace ")
        process.send_signal(signal.SIGINT)
        assert "shop: late" in process.stdout.read()
        assert process.wait(60) == 128 + signal.SIGINT


def test_a_reader_that_goes_away_ends_the_command_without_a_traceback() -> None:
    log = "\n".join(log_record(str(number)) for number in range(300))
    process = subprocess.Popen(
        DECODE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, said = process.communicate(log)
    assert (process.returncode, said) == (0, "")


@pytest.mark.parametrize(
    "command", [["fleet", "cdk.out"], ["cost"], ["cost", "--json"], ["--help"]]
)
def test_no_command_minds_that_its_reader_has_gone_away(command: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*DECODE[:-1], *command],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    os.close(writer)
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("form", ["waterfall", "json", "summary"])
def test_any_encoding_shows_any_name(encoding: str, form: str) -> None:
    done = subprocess.run(
        [*DECODE, "--format", form],
        input=log_record("注文 é").encode(),
        capture_output=True,
        check=True,
        env={**ENVIRONMENT, "PYTHONIOENCODING": encoding},
    )
    if form == "json":
        assert json.loads(done.stdout)["name"] == "注文 é"
    elif encoding == "utf-8":
        assert "注文 é" in done.stdout.decode()
    else:
        assert "??" in done.stdout.decode(encoding)
    assert done.stderr == b""


@pytest.mark.parametrize("form", ["waterfall", "summary"])
def test_columns_are_the_same_in_any_encoding(form: str) -> None:
    log = "\n".join(
        log_record(name) for name in ("注文", "é", "plain", "e\N{COMBINING ACUTE ACCENT}")
    )
    shown = {}
    for encoding in ("utf-8", "ascii"):
        done = subprocess.run(
            [*DECODE, "--format", form],
            input=log.encode(),
            capture_output=True,
            check=True,
            env={**ENVIRONMENT, "PYTHONIOENCODING": encoding},
        )
        shown[encoding] = [cell_len(line) for line in done.stdout.decode(encoding).splitlines()]
    assert shown["ascii"] == shown["utf-8"]


def _correlated(record: str) -> str:
    """Return a log line of the record's span, as Lambda's text format has it."""
    [request] = Decoder().requests(record.encode()) or []
    [span] = spans_of(request)
    ids = f"trace_id={span.trace_id} span_id={span.span_id} trace_flags=01"
    return f"[INFO]\t2026-11-26T00:56:01.123Z\t8f507cfc\t{ids}\tcharged 42"


def test_log_lines_are_drawn_with_their_span() -> None:
    record = log_record("work")

    drawn, _ = _decode(f"{_correlated(record)}\nnoise\n{record}\n")

    assert re.search(r"shop: work.*\n +> .*INFO charged 42\n", drawn)
    assert "noise" not in drawn


def test_log_lines_are_in_the_report(tmp_path: Path) -> None:
    record = log_record("work")

    _decode(f"{_correlated(record)}\n{record}\n", "--format", "html", "-o", str(tmp_path / "r"))

    assert '"message":"charged 42"' in (tmp_path / "r").read_text("utf-8")


def test_programs_read_spans_alone() -> None:
    record = log_record("work")

    lines, _ = _decode(f"{_correlated(record)}\n{record}\n", "--json")

    assert [json.loads(line)["name"] for line in lines.splitlines()] == ["work"]
