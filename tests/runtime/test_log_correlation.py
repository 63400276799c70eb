"""Log records carry the ids of the span in which they were written."""

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from awslambdaric.bootstrap import LambdaLoggerFilter
from awslambdaric.lambda_runtime_log_utils import JsonFormatter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from lambda_otel_lite import init_telemetry, trace_context_fields
from lambda_otel_lite.startup.log_correlation import correlate_logs
from tests.pages import snippet

_SPAN = NonRecordingSpan(
    SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
)
_IDS = {"trace_id": f"{0xABC:032x}", "span_id": f"{0xDEF:016x}", "trace_flags": "01"}
#: As awslambdaric sets its handler up.
_TEXT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"


class Lines(logging.Handler):
    """Keeps lines, as the platform's handler would write them."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.addFilter(LambdaLoggerFilter())
        self.lines: list[str] = []
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.lines.append(self.format(record))


@pytest.fixture(autouse=True)
def _logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave logging as it was."""
    monkeypatch.setattr(logging.Logger, "handle", logging.Logger.handle)
    monkeypatch.setattr(logging.Formatter, "converter", time.gmtime)
    before = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers[:] = before


@pytest.fixture
def text() -> Lines:
    handler = Lines(logging.Formatter(_TEXT, "%Y-%m-%dT%H:%M:%S"))
    logging.getLogger().addHandler(handler)
    correlate_logs()
    return handler


def test_a_json_line_has_the_ids_as_fields() -> None:
    handler = Lines(JsonFormatter())
    logging.getLogger().addHandler(handler)
    correlate_logs()

    with use_span(_SPAN):
        logging.getLogger("app").warning("charged %s", "42")

    (line,) = handler.lines
    assert json.loads(line).items() >= {**_IDS, "message": "charged 42", "level": "WARNING"}.items()


def test_a_text_line_has_the_ids_after_the_request_id(text: Lines) -> None:
    with use_span(_SPAN):
        logging.getLogger("app").warning("charged")

    (line,) = text.lines
    level, _, _request_id, ids, message = line.split("\t")
    assert level == "[WARNING]"
    assert dict(part.split("=") for part in ids.split(" ")) == _IDS
    assert message == "charged\n"


def test_a_record_outside_of_any_span_is_as_it_was(text: Lines) -> None:
    logging.getLogger("app").warning("starting")

    (line,) = text.lines
    assert line.count("\t") == 3
    assert "trace_id" not in line


@pytest.mark.parametrize("name", list(_IDS))
def test_a_value_of_the_users_own_stays(text: Lines, name: str) -> None:
    """With a record factory this call would raise KeyError."""
    with use_span(_SPAN):
        logging.getLogger("app").warning("charged", extra={name: "mine"})

    assert vars(text.records[0]).items() >= (_IDS | {name: "mine"}).items()


def test_asking_twice_writes_the_ids_once(text: Lines) -> None:
    once = logging.Logger.handle
    correlate_logs()
    assert logging.Logger.handle is once

    with use_span(_SPAN):
        logging.getLogger("app").warning("charged")

    assert text.lines[0].count("trace_id=") == 1


def test_a_formatter_of_the_users_is_left_alone_and_may_use_the_ids() -> None:
    handler = Lines(logging.Formatter("%(trace_id)s %(message)s"))
    own = handler.formatter
    logging.getLogger().addHandler(handler)
    correlate_logs()

    with use_span(_SPAN):
        logging.getLogger("app").warning("charged")

    assert handler.formatter is own
    assert handler.lines == [f"{_IDS['trace_id']} charged"]


def _log_ids(logger: logging.Logger) -> dict[str, Any]:
    """Return the ids on the record of a line that the logger writes within the span."""
    handler = Lines(logging.Formatter())
    logger.addHandler(handler)
    with use_span(_SPAN):
        logger.warning("charged")
    logger.removeHandler(handler)
    (record,) = handler.records
    return {name: vars(record).get(name) for name in _IDS}


class _OwnRecord(logging.LogRecord):
    """A record as a factory of the user's makes it."""


class _OwnLogger(logging.Logger):
    """Makes its records by itself."""

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802 - logging's
        """Return one."""
        del kwargs
        name, level, path, line, message = args[:5]
        return _OwnRecord(name, level, path, line, message, (), None)


@pytest.mark.parametrize("first", [True, False], ids=["made before", "made after"])
@pytest.mark.parametrize("kind", ["factory", "make_record", "logger"])
def test_records_of_the_users_own_making_have_the_ids(
    kind: str,
    first: bool,  # noqa: FBT001 - a column of the table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if first:
        correlate_logs()
    logger: logging.Logger = logging.getLogger("app")
    if kind == "factory":
        monkeypatch.setattr(logging, "_logRecordFactory", _OwnRecord)
    elif kind == "make_record":
        monkeypatch.setattr(logging.Logger, "makeRecord", _OwnLogger.makeRecord)
    else:
        logger = _OwnLogger("app")
    if not first:
        correlate_logs()

    assert _log_ids(logger) == _IDS


def test_a_record_that_takes_no_attributes_is_logged_without_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Fixed(logging.LogRecord):
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise RuntimeError

    correlate_logs()
    handler = Lines(logging.Formatter("%(message)s"))
    handler.filters.clear()
    monkeypatch.setattr(handler, "format", lambda record: record.msg)
    logger = logging.getLogger("app.fixed")
    logger.propagate = False
    logger.addHandler(handler)

    with use_span(_SPAN):
        logger.handle(Fixed("app", logging.WARNING, "", 1, "charged", (), None))

    assert handler.lines == ["charged"]


def test_the_text_formatter_writes_exceptions_as_before(text: Lines) -> None:
    with use_span(_SPAN):
        try:
            raise ValueError("no stock")  # noqa: TRY301 - to be logged
        except ValueError:
            logging.getLogger("app").exception("failed")

    (line,) = text.lines
    assert "failed\nTraceback" in line
    assert line.endswith("ValueError: no stock")


@pytest.mark.parametrize(("value", "ids"), [("true", True), ("false", False), (None, False)])
def test_the_variable_switches_it_on(
    value: str | None,
    ids: bool,  # noqa: FBT001 - a column of the table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if value:
        monkeypatch.setenv("LAMBDA_OTEL_LOG_CORRELATION", value)

    init_telemetry()

    assert _log_ids(logging.getLogger("app")) == (_IDS if ids else dict.fromkeys(_IDS))


def test_the_fields_of_the_current_span() -> None:
    assert trace_context_fields() == {}

    with use_span(_SPAN):
        assert trace_context_fields() == _IDS


@pytest.mark.parametrize("word", ["aws_lambda_powertools", "structlog", "print(json.dumps("])
def test_what_the_page_says_of_other_ways_to_log_writes_the_ids(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    correlate_logs()
    code = snippet(word)

    with use_span(_SPAN):
        try:
            exec(code, {"order_id": 42})  # noqa: S102 - the documentation is the test's input
        finally:
            structlog.reset_defaults()

    line = json.loads(capsys.readouterr().out)
    assert line.items() >= _IDS.items()
    assert "charged" in (line.get("message"), line.get("event"))
