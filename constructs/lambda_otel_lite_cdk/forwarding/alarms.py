"""Alarms for when a forwarder fails, loses telemetry or falls behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from lambda_otel_lite_cdk.forwarding import facts

if TYPE_CHECKING:
    from constructs import Construct

_PERIOD = Duration.seconds(facts.ALARM_PERIOD_S)
_OLDEST = Duration.seconds(facts.OLDEST_S)


def forwarder_alarms(
    function: lambda_.Function, redrive: sqs.Queue, dead_letters: sqs.Queue, *, streamed: bool
) -> list[cloudwatch.Alarm]:
    """Make the alarms of a forwarder, without actions.

    Args:
        function: The forwarder.
        redrive: The queue of what is sent again.
        dead_letters: The queue of what is not.
        streamed: Whether it reads a data stream.
    """
    own = cloudwatch.MathExpression(
        expression=" + ".join(map(str.lower, facts.WATCHED)),
        using_metrics={name.lower(): _own_metric(function, name) for name in facts.WATCHED},
        label="spans rejected and records malformed",
        period=_PERIOD,
    )
    age = redrive.metric_approximate_age_of_oldest_message(period=_PERIOD, statistic="Maximum")
    waiting = dead_letters.metric_approximate_number_of_messages_visible(
        period=_PERIOD, statistic="Maximum"
    )
    log = f"aws logs filter-log-events --log-group-name {function.log_group.log_group_name}"
    why = f"`{log} --filter-pattern '\"spans are\"'` says why, in the collector's own words."
    letters = (
        f"`aws sqs receive-message --queue-url {dead_letters.queue_url} "
        f"--message-attribute-names reason` says why, in the collector's own words; "
        f"`aws sqs start-message-move-task --source-arn {dead_letters.queue_arn} "
        f"--destination-arn {redrive.queue_arn}` sends them again."
    )
    alarms = [
        _alarm(
            function, "Errors", function.metric_errors(period=_PERIOD), 1, "The forwarder fails."
        ),
        _alarm(
            function,
            "Dropped",
            own,
            1,
            f"Telemetry was refused, or it was malformed: `{log} --filter-pattern WARNING` says "
            f"why, in the collector's own words.",
        ),
        _alarm(
            function,
            "Held",
            _own_metric(function, facts.HELD),
            1,
            f"The collector takes nothing until address, account or headers are right. {why}",
        ),
        _alarm(function, "Oldest", age, _OLDEST.to_seconds(), f"Telemetry waits. {why}"),
        _alarm(
            function,
            "DeadLetters",
            waiting,
            1,
            f"Telemetry waits for somebody to look at it. {letters}",
        ),
    ]
    if streamed:
        lag = function.metric("IteratorAge", period=_PERIOD, statistic="Maximum")
        alarms.append(
            _alarm(function, "StreamAge", lag, _OLDEST.to_milliseconds(), "The stream is not read.")
        )
    return alarms


def _own_metric(function: lambda_.Function, name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=facts.NAMESPACE,
        metric_name=name,
        dimensions_map={facts.DIMENSION: function.function_name},
        period=_PERIOD,
        statistic="Sum",
    )


def _alarm(
    scope: Construct, name: str, metric: cloudwatch.IMetric, threshold: float, meaning: str
) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        scope,
        f"{name}Alarm",
        metric=metric,
        threshold=threshold,
        evaluation_periods=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        alarm_description=meaning,
    )
