"""No log line of the library can raise, and records go to the process's own stdout."""

import ast
import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import lambda_otel_lite
from lambda_otel_lite import log
from lambda_otel_lite.log import Logger, Stdout, set_level

logger = Logger("lambda_otel_lite.tests")


class _Handler(logging.Handler):
    def __init__(self, failure: BaseException | None = None) -> None:
        super().__init__()
        self.failure = failure
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        if self.failure is not None:
            raise self.failure


class _Formatting(_Handler):
    """Formats as awslambdaric's handler does, which swallows no errors."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


@contextlib.contextmanager
def _root(handler: logging.Handler) -> Iterator[None]:
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _BrokenText:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def _raise(*_: object, **__: object) -> bool:
    raise LookupError("the user's own")


@pytest.mark.parametrize(
    "failure",
    [KeyError("tenant"), RecursionError(), SystemExit(1), KeyboardInterrupt(), GeneratorExit()],
)
def test_a_handler_that_raises_is_a_line_on_stderr(
    failure: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    with _root(_Handler(failure)):
        logger.warning("%d spans dropped", 3)

    line = capfd.readouterr().err
    assert "[WARNING] lambda_otel_lite.tests: 3 spans dropped" in line
    assert type(failure).__name__ in line


@pytest.mark.parametrize("raises", [True, False])
def test_a_format_with_a_field_of_the_functions_own(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *, raises: bool
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", raises)
    handler = _Formatting()
    handler.setFormatter(logging.Formatter("%(tenant)s %(message)s"))
    with _root(handler):
        try:
            int("inner")
        except ValueError:
            logger.exception("failed")

    assert "[ERROR] lambda_otel_lite.tests: failed" in capfd.readouterr().err


def test_a_filter_or_a_record_factory_that_raises(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    named = logging.getLogger("lambda_otel_lite.tests")
    monkeypatch.setattr(named, "filters", [_raise])
    logger.warning("filtered")
    monkeypatch.setattr(named, "filters", [])
    previous = logging.getLogRecordFactory()
    logging.setLogRecordFactory(_raise)  # type: ignore[arg-type]
    try:
        logger.warning("made")
    finally:
        logging.setLogRecordFactory(previous)

    lines = capfd.readouterr().err
    assert "filtered" in lines
    assert "made" in lines


def test_a_logger_class_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(logging.root.manager, "loggerClass", _raise)
        Logger("lambda_otel_lite.never_made").warning("no logger")
        patched.setattr(logging, "getLogger", _raise)
        set_level(logging.INFO)

    lines = capfd.readouterr().err
    assert "[WARNING] lambda_otel_lite.never_made: no logger" in lines
    assert "the level of the library's loggers cannot be set" in lines


def test_an_argument_without_a_text_raises_nothing() -> None:
    with _root(_Formatting()):
        logger.warning("%s", _BrokenText())


def test_a_handler_that_comes_back_to_the_library_does_not_recurse(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One that ends spans, as OpenTelemetry's own does, may cause the next line of the library."""

    class Recursive(_Handler):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            logger.warning("from within")
            logger.info("not worth a line")

    handler = Recursive()
    with _root(handler):
        logger.warning("outer")
        logger.warning("next")

    assert [record.getMessage() for record in handler.records] == ["outer", "next"]
    assert capfd.readouterr().err.count("from within") == 2


def test_no_stderr_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, data: bytes) -> int:
        raise OSError(f"{len(data)} bytes for {descriptor}")

    with _root(_Handler(KeyError("tenant"))):
        monkeypatch.setattr(os, "write", refuse)
        logger.warning("lost")


def test_a_line_below_a_warning_that_cannot_be_logged_is_left_out(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with _root(_Handler(KeyError("tenant"))):
        logger.debug("detail")
        logger.info("news")

    assert capfd.readouterr().err == ""


def test_a_record_names_the_caller_and_its_exception(caplog: pytest.LogCaptureFixture) -> None:
    try:
        int("inner")
    except ValueError:
        logger.exception("%s failed", "it")

    (record,) = caplog.records
    assert record.funcName == "test_a_record_names_the_caller_and_its_exception"
    assert record.exc_info is not None
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "it failed")


def test_no_module_logs_by_other_means() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in Path(lambda_otel_lite.__file__).parent.rglob("*.py")
        # The other two are about the function's own log lines.
        if path.name not in {"log.py", "logger.py", "log_correlation.py"}
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute | ast.Name)
        and getattr(node, "attr", getattr(node, "id", "")) in {"getLogger", "warnings"}
    ]

    assert found == []


# stdout


@pytest.mark.parametrize(
    "theirs", [None, io.StringIO(), "closed"], ids=["none", "replaced", "closed"]
)
def test_what_the_function_does_to_sys_stdout_is_its_own(
    theirs: object, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout = Stdout()
    stream = io.StringIO() if theirs == "closed" else theirs
    if theirs == "closed":
        assert isinstance(stream, io.StringIO)
        stream.close()
    monkeypatch.setattr(sys, "stdout", stream)
    stdout.write("{}\n")

    assert capfd.readouterr().out == "{}\n"
    assert stream is not theirs or theirs is None or isinstance(theirs, io.StringIO)
    if isinstance(stream, io.StringIO) and not stream.closed:
        assert stream.getvalue() == ""


def test_a_descriptor_that_the_function_closes_and_reuses_gets_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first file that is opened after ``sys.stdout.close()`` has the descriptor of stdout."""
    stdout = Stdout()
    saved = os.dup(1)
    try:
        os.close(1)
        database = os.open(tmp_path / "database", os.O_CREAT | os.O_WRONLY)
        assert database == 1
        stdout.write("{}\n")
    finally:
        os.dup2(saved, 1)
        os.close(saved)

    assert (tmp_path / "database").read_bytes() == b""
    assert capfd.readouterr().out == "{}\n"


def test_a_duplicate_that_the_function_closes_and_reuses_gets_nothing(tmp_path: Path) -> None:
    """Daemons close all descriptors that they have not opened."""
    own = os.dup(1)
    os.close(own)
    stdout = Stdout()
    os.close(own)
    database = os.open(tmp_path / "database", os.O_CREAT | os.O_WRONLY)
    assert database == own
    for _ in range(2):
        with pytest.raises(OSError, match="closed"):
            stdout.write("{}\n")
    del stdout
    os.close(database)

    assert (tmp_path / "database").read_bytes() == b""


def test_no_stdout_at_all_is_an_error_of_the_write() -> None:
    saved = os.dup(1)
    try:
        os.close(1)
        stdout = Stdout()
    finally:
        os.dup2(saved, 1)
        os.close(saved)

    with pytest.raises(OSError, match="closed when tracing was set up"):
        stdout.write("{}\n")


def test_a_descriptor_is_given_back() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        Stdout()

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_pipe_that_does_not_block_gets_the_whole_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function's own library may set it so; the descriptor's other side is the platform's."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    line = "x" * 200_000 + "\n"
    saved = os.dup(1)
    try:
        os.dup2(writer, 1)
        stdout = Stdout()
    finally:
        os.dup2(saved, 1)
        os.close(saved)
    received = bytearray()

    def wait(descriptor: int, seconds: float = 1.0) -> None:
        received.extend(os.read(reader, 1 << 20))

    monkeypatch.setattr(log, "wait_until_writable", wait)
    stdout.write(line)
    os.close(writer)
    del stdout
    while data := os.read(reader, 1 << 20):
        received += data
    os.close(reader)
    assert received.decode() == line


def test_a_reader_that_takes_nothing_is_waited_for_with_a_bound() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writer, bytes(65536)):
            pass

    with pytest.raises(TimeoutError, match=r"taken nothing for 0\.01 s"):
        log.wait_until_writable(writer, 0.01)
    os.read(reader, 65536)
    log.wait_until_writable(writer, 0.01)
    os.close(reader)
    os.close(writer)


# lines


class _Unbuffered:
    """As that of awslambdaric, which cannot be imported twice with two classes."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, msg: str) -> None:
        self.texts.append(msg)

    def writelines(self, msgs: list[str]) -> None:
        self.texts += msgs


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> _Unbuffered:
    """Return a stream of the platform's runtime."""
    bootstrap = ModuleType("awslambdaric.bootstrap")
    bootstrap.Unbuffered = type("Unbuffered", (_Unbuffered,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "awslambdaric.bootstrap", bootstrap)
    monkeypatch.setattr(log, "_within_line", False)
    made: _Unbuffered = bootstrap.Unbuffered()
    return made


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["10%"], "\n"),
        (["10%", "\n"], ""),
        (["10%\n"], ""),
        (["10%\n", "20%"], "\n"),
        (["", ""], ""),
        (["10%", ""], "\n"),
    ],
)
def test_a_record_begins_a_line(
    texts: list[str], first: str, stream: _Unbuffered, capfd: pytest.CaptureFixture[str]
) -> None:
    Stdout()
    stdout = Stdout()
    for text in texts:
        stream.write(text)
    stdout.write("{}\n")
    stdout.write("{}\n")
    stream.writelines(texts)
    stdout.write("{}\n")

    assert capfd.readouterr().out == f"{first}{{}}\n{{}}\n{first}{{}}\n"
    assert stream.texts == texts * 2
