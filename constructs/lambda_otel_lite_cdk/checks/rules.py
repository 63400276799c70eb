"""Find what would fail at deployment, or never work, before anything is deployed.

A check is a function that takes facts and returns what is wrong, and a row of `Check`.
"""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.configuration.variables import EXPORTER
from lambda_otel_lite_cdk.checks.facts import (
    Facts,
    FunctionFacts,
    LayerFacts,
    LogGroupFacts,
    StageFacts,
)
from lambda_otel_lite_cdk.checks.kinds import (
    durable_without_version,
    mode_without_extension,
    snapstart_without_version,
)
from lambda_otel_lite_cdk.functions.eligibility import (
    EXEC_WRAPPER,
    architecture_of,
    is_newer_python,
    python_of,
    variables_of,
)
from lambda_otel_lite_cdk.functions.quotas import (
    MOST_UNZIPPED_BYTES,
    takes_no_filter,
    too_large_environment,
    too_many_filters,
    too_many_layers,
)
from lambda_otel_lite_cdk.settings.settings import QUOTA_KEY
from lambda_otel_lite_layer import versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Severity(Enum):
    """What a finding means for the synth."""

    #: It stops.
    ERROR = "error"
    #: It goes on.
    WARNING = "warning"


def _undone(facts: FunctionFacts) -> str | None:
    if not facts.undone:
        return None
    return (
        f"it could not start, because something undid half of its instrumentation: in the template "
        f"its {facts.undone}. Add to what is there instead of replacing it, or leave the function "
        f"out with Telemetry.of(…).opt_out(…)."
    )


def _sixth_layer(facts: FunctionFacts) -> str | None:
    return too_many_layers(len(facts.properties.get("layers", [])), facts.leave_out)


def _environment_size(facts: FunctionFacts) -> str | None:
    return too_large_environment(variables_of(facts.properties))


def _unzipped_size(facts: FunctionFacts) -> str | None:
    if facts.size <= MOST_UNZIPPED_BYTES:
        return None
    return (
        f"its code and layers take at least {facts.size} bytes unzipped; Lambda takes at most "
        f"{MOST_UNZIPPED_BYTES} (250 MB). Remove what it does not need, or make it an image."
    )


def _exporter_of_published_layer(facts: FunctionFacts) -> str | None:
    exporter = variables_of(facts.properties).get(EXPORTER)
    if facts.layer.is_deployed or exporter != "package":
        return None
    architecture = architecture_of(facts.properties)
    return (
        f"it is {architecture}, and its exporter, 'package', needs a layer of one architecture "
        f"that holds it; whether the published layer is that cannot be seen here. Build it "
        f"with `lambda-otel layer --exporter package --architecture {architecture}`."
    )


def _layer_without_exporter(facts: FunctionFacts) -> str | None:
    exporter = variables_of(facts.properties).get(EXPORTER)
    architecture = architecture_of(facts.properties)
    if (
        not (facts.layer.is_deployed and not facts.undone)
        or exporter != "package"
        or facts.layer.package_for == architecture
    ):
        return None
    return (
        f"{EXPORTER} is 'package', but its telemetry layer does not hold that package for "
        f"{architecture}. Set TelemetrySettings(exporter='package') instead of the variable, or "
        f"remove it."
    )


def _layer_of_another_python(facts: FunctionFacts) -> str | None:
    if (
        not (facts.layer.is_deployed and not facts.undone)
        or python_of(facts.properties) == facts.layer.python
    ):
        return None
    return (
        f"its runtime is {facts.properties.get('runtime')!r}, but its telemetry layer is for "
        f"Python {facts.layer.python}: something changed the runtime after the layer was chosen. "
        f"Set the runtime where the function is made, or call Telemetry.of(…).instrument(…) after "
        f"the stacks are made."
    )


def _exec_wrapper(facts: FunctionFacts) -> str | None:
    wrapper = variables_of(facts.properties).get(EXEC_WRAPPER)
    if wrapper is None:
        return None
    return (
        f"{EXEC_WRAPPER} is {wrapper!r} and is kept: another tool starts the function, and both "
        f"may trace it. Remove that tool's wrapper, or leave the function to it with "
        f"{facts.leave_out}."
    )


def _mixed_opentelemetry(facts: FunctionFacts) -> str | None:
    # The first that Python finds of each.
    first = ChainMap(*map(dict, facts.opentelemetry))
    found = {name: first[name] for name in versions.CORE if name in first}
    problem = versions.problem_of(found)
    # An API alone is what libraries bring along; the layer's is used in its place.
    if problem is None or versions.SDK not in found:
        return None
    used = "the telemetry layer's are used instead, or it runs without tracing"
    if not versions.may_be_replaced(found):
        used = "it would run without tracing"
    if any(versions.problem_of(one) is None for one in facts.opentelemetry):
        used = "those that lie together are used"
    return (
        f"its code and layers hold {versions.described(found)}, and {problem}: {used}. "
        f"{versions.advice(found)}"
    )


def _layer_not_compiled(facts: LayerFacts) -> str | None:
    if facts.layer.compiled:
        return None
    python = facts.layer.python
    return (
        f"the telemetry layer for Python {python} holds no byte code, because this machine has no "
        f"Python {python}: every cold start compiles the sources again, which takes about 0.2 s. "
        f"Install it (`uv python install {python}`) and synthesize again."
    )


def _newer_python(facts: LayerFacts) -> str | None:
    if not is_newer_python(facts.layer.python):
        return None
    return (
        f"Python {facts.layer.python} is newer than all that this version of lambda-otel-lite-cdk "
        f"was tested with. Try its functions out before you rely on their traces, and upgrade as "
        f"soon as there is a version that knows it."
    )


def _subscription_quota(facts: LogGroupFacts) -> str | None:
    fix = (
        f"Remove one, forward with account_level, or set the context {QUOTA_KEY} if your account "
        f"takes more"
    )
    return too_many_filters(facts.name, facts.filters, facts.quota, fix)


def _log_group_class(facts: LogGroupFacts) -> str | None:
    return takes_no_filter(facts.name, facts.properties.get("logGroupClass", "STANDARD"))


def _stage_not_reached(facts: StageFacts) -> str | None:
    if facts.reached or not facts.asked:
        return None
    return (
        "the stage was made after Telemetry.of(…).instrument(…) of what it is in, and its "
        "functions are not instrumented. Call that after the stage is made, or "
        "Telemetry.of(stage).instrument(…) for the stage itself."
    )


class Check(Enum):
    """Every check: its name, its severity, what it looks at, and the function that finds it."""

    UNDONE = "undone", Severity.ERROR, FunctionFacts, _undone
    SIXTH_LAYER = "sixth-layer", Severity.ERROR, FunctionFacts, _sixth_layer
    ENVIRONMENT_SIZE = "environment-size", Severity.ERROR, FunctionFacts, _environment_size
    UNZIPPED_SIZE = "unzipped-size", Severity.ERROR, FunctionFacts, _unzipped_size
    EXPORTER_ARCHITECTURE = (
        "exporter-architecture",
        Severity.WARNING,
        FunctionFacts,
        _exporter_of_published_layer,
    )
    EXPORTER_LAYER = "exporter-layer", Severity.ERROR, FunctionFacts, _layer_without_exporter
    LAYER_PYTHON = "layer-python", Severity.ERROR, FunctionFacts, _layer_of_another_python
    SNAPSTART_WITHOUT_VERSION = (
        "snapstart-without-version",
        Severity.WARNING,
        FunctionFacts,
        snapstart_without_version,
    )
    DURABLE_WITHOUT_VERSION = (
        "durable-without-version",
        Severity.WARNING,
        FunctionFacts,
        durable_without_version,
    )
    MODE_WITHOUT_EXTENSION = (
        "mode-without-extension",
        Severity.WARNING,
        FunctionFacts,
        mode_without_extension,
    )
    MIXED_OPENTELEMETRY = (
        "mixed-opentelemetry",
        Severity.WARNING,
        FunctionFacts,
        _mixed_opentelemetry,
    )
    EXEC_WRAPPER = "exec-wrapper", Severity.WARNING, FunctionFacts, _exec_wrapper
    LAYER_NOT_COMPILED = "layer-not-compiled", Severity.WARNING, LayerFacts, _layer_not_compiled
    NEWER_PYTHON = "newer-python", Severity.WARNING, LayerFacts, _newer_python
    SUBSCRIPTION_QUOTA = "subscription-quota", Severity.ERROR, LogGroupFacts, _subscription_quota
    LOG_GROUP_CLASS = "log-group-class", Severity.ERROR, LogGroupFacts, _log_group_class
    STAGE_NOT_REACHED = "stage-not-reached", Severity.ERROR, StageFacts, _stage_not_reached

    def __init__(
        self,
        name: str,
        severity: Severity,
        looks_at: type[Facts],
        find: Callable[[Any], str | None],
    ) -> None:
        #: By which it can be acknowledged.
        self.id = f"lambda-otel-lite:{name}"
        self.severity = severity
        self.looks_at = looks_at
        self.find = find


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found.

    Args:
        check: The check.
        facts: What it was found in.
        message: Construct, value, what is accepted, and the fix.
    """

    check: Check
    facts: Facts
    message: str


def check(facts: Iterable[Facts]) -> Iterator[Finding]:
    """Yield everything that is wrong."""
    for one in facts:
        for each in Check:
            if isinstance(one, each.looks_at) and (message := each.find(one)):
                yield Finding(check=each, facts=one, message=f"{one.path}: {message}")
