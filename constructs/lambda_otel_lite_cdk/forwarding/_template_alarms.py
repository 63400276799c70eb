"""The alarms of a forwarder that a template deploys."""

from __future__ import annotations

from typing import Any

from lambda_otel_lite_cdk.forwarding import facts
from lambda_otel_lite_cdk.forwarding.expressions import resource


def template_alarms(function: str, redrive: str, dead_letters: str) -> dict[str, Any]:
    """Return the alarms as resources by their logical ids.

    Args:
        function: Logical id of the forwarder.
        redrive: That of the queue of what is sent again.
        dead_letters: That of the queue of what is not.
    """
    own = {
        "Namespace": facts.NAMESPACE,
        "Dimensions": _dimension(facts.DIMENSION, {"Ref": function}),
    }
    lost = [
        {
            "Id": name.lower(),
            "ReturnData": False,
            "MetricStat": {
                "Metric": {**own, "MetricName": name},
                "Period": facts.ALARM_PERIOD_S,
                "Stat": "Sum",
            },
        }
        for name in facts.WATCHED
    ]
    total = {"Id": "lost", "Expression": " + ".join(map(str.lower, facts.WATCHED))}
    queue = {"Namespace": "AWS/SQS", "Statistic": "Maximum"}
    return {
        "ErrorsAlarm": _alarm(
            "The forwarder fails.",
            1,
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Dimensions=_dimension("FunctionName", {"Ref": function}),
            Statistic="Sum",
            Period=facts.ALARM_PERIOD_S,
        ),
        "DroppedAlarm": _alarm(
            "Telemetry was refused, or it was malformed; the forwarder's log says why.",
            1,
            Metrics=[total, *lost],
        ),
        "HeldAlarm": _alarm(
            "The collector takes nothing until address, account or headers are right; the "
            "forwarder's log says why.",
            1,
            **own,
            MetricName=facts.HELD,
            Statistic="Sum",
            Period=facts.ALARM_PERIOD_S,
        ),
        "OldestAlarm": _alarm(
            "Telemetry waits; the forwarder's log says why.",
            facts.OLDEST_S,
            **queue,
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=_dimension("QueueName", {"Fn::GetAtt": [redrive, "QueueName"]}),
            Period=facts.ALARM_PERIOD_S,
        ),
        "DeadLettersAlarm": _alarm(
            "Telemetry waits for somebody to look at it; the message attribute reason says why.",
            1,
            **queue,
            MetricName="ApproximateNumberOfMessagesVisible",
            Dimensions=_dimension("QueueName", {"Fn::GetAtt": [dead_letters, "QueueName"]}),
            Period=facts.ALARM_PERIOD_S,
        ),
    }


def _alarm(meaning: str, threshold: int, **metric: Any) -> dict[str, Any]:
    return resource(
        "AWS::CloudWatch::Alarm",
        AlarmDescription=meaning,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        EvaluationPeriods=1,
        Threshold=threshold,
        TreatMissingData="notBreaching",
        **metric,
    )


def _dimension(name: str, value: Any) -> list[dict[str, Any]]:
    return [{"Name": name, "Value": value}]
