"""The named pipe is opened once for each flush, and nobody waits for its reader without bound."""

import itertools
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from lambda_otel_lite import LambdaSpanProcessor
from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.export import pipe as module
from lambda_otel_lite.export.exporter import StdoutSpanExporter
from tests.spans import make_span, proto_spans


class _Reader(threading.Thread):
    """Reads as the extension does: opens the pipe once for an invocation and reads to the end."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path = path
        self.lines: list[str] = []
        self.start()

    def run(self) -> None:
        self.lines = self._path.read_text("utf-8").splitlines()

    def read_to_the_end(self) -> list[str]:
        """Return what came; a test in which the end does not come fails."""
        self.join(10)
        assert not self.is_alive()
        return self.lines


class _Stdout:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(params=["native", "package"])
def choice(request: pytest.FixtureRequest) -> str:
    """Return the name of an exporter."""
    name: str = request.param
    return name


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a pipe in the place of the one in /tmp."""
    made = tmp_path / "spans.pipe"
    os.mkfifo(made)
    monkeypatch.setattr(module, "_path", lambda: str(made))
    return made


@pytest.fixture
def stdout() -> _Stdout:
    """Stand in for stdout."""
    return _Stdout()


@pytest.fixture
def processor(choice: str, stdout: _Stdout) -> LambdaSpanProcessor:
    """Return a processor with a pipe, whose batches are of two spans."""
    settings = Settings.from_environ({env.EXPORTER: choice, env.OUTPUT_TYPE: "pipe"})
    return LambdaSpanProcessor(StdoutSpanExporter(settings, stdout), max_export_batch_size=2)


def test_one_flush_is_one_opening_however_many_batches_there_are(
    processor: LambdaSpanProcessor, path: Path, stdout: _Stdout
) -> None:
    for count in (5, 1):
        reader = _Reader(path)
        for number in range(count):
            processor.on_end(make_span(span_id=number + 1))
        assert processor.force_flush()

        assert len(proto_spans(reader.read_to_the_end())) == count
    assert stdout.lines == []


def test_a_flush_without_spans_opens_the_pipe_too(
    processor: LambdaSpanProcessor, path: Path
) -> None:
    """The reader waits for the end, and the invocation with it."""
    reader = _Reader(path)

    assert processor.force_flush()

    assert reader.read_to_the_end() == []


def test_more_than_a_pipe_holds_is_written_while_it_is_read(
    processor: LambdaSpanProcessor, path: Path
) -> None:
    reader = _Reader(path)
    for number in range(20):
        text = os.urandom(15_000).hex()
        processor.on_end(make_span(span_id=number + 1, attributes={"text": text}))

    assert processor.force_flush()

    assert len(proto_spans(reader.read_to_the_end())) == 20


def test_a_pipe_without_a_reader_is_waited_for_less_and_stdout_takes_over(
    processor: LambdaSpanProcessor,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    stdout: _Stdout,
) -> None:
    waits: list[float] = []
    now = itertools.count()
    clock = SimpleNamespace(sleep=waits.append, monotonic=lambda: next(now) / 100)
    monkeypatch.setattr(f"{module.__name__}.time", clock)
    counts = []
    for _ in range(3):
        processor.on_end(make_span())
        assert processor.force_flush()
        counts.append(len(waits))
        waits.clear()

    assert counts == [19, 1, 1]
    assert len(proto_spans(stdout.lines)) == 3
    (warning,) = caplog.records
    assert "OTLP_STDOUT_SPAN_EXPORTER_OUTPUT_TYPE=pipe" in warning.getMessage()
    assert str(path) in warning.getMessage()

    # One that has come is written to again.
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    processor.on_end(make_span())
    assert processor.force_flush()
    assert len(proto_spans(os.read(reader, 1 << 20).decode().splitlines())) == 1
    os.close(reader)


def test_no_pipe_at_all_is_the_same(
    processor: LambdaSpanProcessor,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    stdout: _Stdout,
) -> None:
    path.unlink()
    processor.on_end(make_span())

    assert processor.force_flush()

    assert len(proto_spans(stdout.lines)) == 1
    assert "No such file" in caplog.text


def test_a_reader_that_goes_away_leaves_the_rest_to_stdout(
    path: Path, monkeypatch: pytest.MonkeyPatch, stdout: _Stdout
) -> None:
    settings = Settings.from_environ({env.EXPORTER: "native", env.OUTPUT_TYPE: "pipe"})
    exporter = StdoutSpanExporter(settings, stdout)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    written: list[str] = []
    write = module._write

    def leave(descriptor: int, line: str) -> None:
        write(descriptor, line)
        if not written:
            written.append(os.read(reader, 1 << 20).decode())
            os.close(reader)

    monkeypatch.setattr(module, "_write", leave)
    for number in (1, 2, 3):
        exporter.export([make_span(span_id=number)])
    exporter.shutdown()

    rest = proto_spans(stdout.lines)
    assert [int.from_bytes(span.span_id) for span in proto_spans(written)] == [1]
    assert [int.from_bytes(span.span_id) for span in rest] == [2, 3]


def test_neither_pipe_nor_stdout_is_a_warning(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def write(self, line: str) -> None:
            raise OSError(f"no room for {len(line)} bytes")

    path.unlink()
    settings = Settings.from_environ({env.EXPORTER: "native", env.OUTPUT_TYPE: "pipe"})
    exporter = StdoutSpanExporter(settings, Broken())
    exporter.export([make_span()])

    assert exporter.force_flush() is False
    assert "neither the pipe nor stdout can be written to: no room for" in caplog.text
