"""Subscribe the log groups of a template's functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from lambda_otel_lite_cdk.cli.rewrite.documents import expression
from lambda_otel_lite_cdk.forwarding.pattern import RECORD_PATTERN
from lambda_otel_lite_cdk.functions.quotas import takes_no_filter, too_many_filters

_GROUP, _FILTER = "AWS::Logs::LogGroup", "AWS::Logs::SubscriptionFilter"
#: A log group that the CDK has a function of its own make, for `log_retention`.
_RETENTION = "Custom::LogRetention"
_SUBSTITUTED = re.compile(r"\$\{([^!}]+)\}")
#: How many filters a log group takes unless somebody has asked AWS for more.
_QUOTA = 2


class Subscriptions:
    """The log groups and subscriptions of a template, read once.

    Args:
        resources: The template's resources.
        destination: ARN of the forwarder or stream.
        role: ARN of the role with which CloudWatch Logs writes to a stream, None for a function.
    """

    def __init__(
        self, resources: MutableMapping[str, Any], destination: str, role: str | None
    ) -> None:
        self._resources = resources
        self._properties = {
            "FilterPattern": RECORD_PATTERN,
            "DestinationArn": destination,
            **({"RoleArn": role} if role else {}),
        }
        self._groups: dict[str, Mapping[str, Any]] = {}
        #: Logical ids of filters by what their log group is called.
        self._filters: dict[str | None, list[str]] = {}
        for logical_id, resource in resources.items():
            kind = resource.get("Type") if isinstance(resource, dict) else None
            if kind in (_GROUP, _RETENTION):
                self._groups[logical_id] = expression(resource.get("Properties", {}))
            elif kind == _FILTER:
                name = expression(resource.get("Properties", {})).get("LogGroupName")
                self._filters.setdefault(_text(name), []).append(logical_id)
        self._by_name = {
            _text(properties["LogGroupName"]): logical_id
            for logical_id, properties in self._groups.items()
            if "LogGroupName" in properties
        }

    def forward(self, function: str, properties: Mapping[str, Any]) -> str | None:
        """Subscribe the log group of a function; only where there is none, one is made.

        Args:
            function: Its logical id.
            properties: Its properties.

        Returns:
            What CloudWatch Logs would refuse, None if it takes it.
        """
        owner, name = self._of(function, properties)
        given = self._groups.get(owner, {})
        called = given.get("LogGroupName", owner) if isinstance(given, dict) else owner
        if why := takes_no_filter(str(called), given.get("LogGroupClass", "STANDARD")):
            return why
        # By its reference, or by the name that stands in both.
        filters = {
            one
            for text in (_text(name), _text(given.get("LogGroupName")))
            if text is not None
            for one in self._filters.get(text, ())
        }
        ours = next((one for one in sorted(filters) if self._is_ours(one)), None)
        if ours is None:
            if why := too_many_filters(str(called), len(filters) + 1, _QUOTA, "Remove one"):
                return why
            ours = self._free(f"{owner}TelemetryFilter")
            self._filters.setdefault(_text(name), []).append(ours)
        made: dict[str, Any] = {
            "Type": _FILTER,
            **self._condition(owner),
            "Properties": {"LogGroupName": name, **self._properties},
        }
        present = expression(self._resources.get(ours, {}))
        if {**present.get("Properties", {}), **self._properties} != present.get("Properties"):
            self._resources[ours] = made
        return None

    def _of(self, function: str, properties: Mapping[str, Any]) -> tuple[str, Any]:
        """Return the logical id of the log group of a function, and what to call it by."""
        written = properties.get("LoggingConfig", {}).get("LogGroup")
        if written is not None:
            match written:
                case {"Ref": str(name)} if name in self._groups:
                    return name, written
            known = self._by_name.get(_text(written))
            return (known, self._reference(known)) if known else (function, written)
        # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
        usual = (
            f"/aws/lambda/${{{function}}}",
            f"/aws/lambda/{_text(properties.get('FunctionName'))}",
        )
        known = next((self._by_name[one] for one in usual if one in self._by_name), None)
        known = known or self._make(function, usual[0])
        return known, self._reference(known)

    def _reference(self, group: str) -> dict[str, Any]:
        if self._resources[group]["Type"] == _RETENTION:
            return {"Fn::GetAtt": [group, "LogGroupName"]}
        return {"Ref": group}

    def _make(self, function: str, name: str) -> str:
        logical_id = self._free(f"{function}LambdaOtelLiteLogs")
        self._resources[logical_id] = {
            "Type": _GROUP,
            **self._condition(function),
            # As the CDK's: logs outlive what wrote them.
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"LogGroupName": {"Fn::Sub": name}},
        }
        self._groups[logical_id] = self._resources[logical_id]["Properties"]
        self._by_name[name] = logical_id
        return logical_id

    def _condition(self, owner: str) -> dict[str, Any]:
        """Return the condition under which something exists, for what is made for it."""
        condition = self._resources.get(owner, {}).get("Condition")
        return {} if condition is None else {"Condition": condition}

    def _is_ours(self, logical_id: str) -> bool:
        properties = expression(self._resources[logical_id]).get("Properties", {})
        return bool(properties.get("FilterPattern") == RECORD_PATTERN)

    def _free(self, logical_id: str) -> str:
        """Return a logical id that nothing has, this one if possible."""
        while logical_id in self._resources:
            logical_id += "2"
        return logical_id


def _text(value: Any) -> str | None:
    """Return a name as ``Fn::Sub`` would have it, so that equal names have equal texts."""
    match value:
        case {"Ref": str(name)}:
            value = f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            value = f"${{{name}.{attribute}}}"
        case {"Fn::Sub": [str(text), dict(local)]}:
            value = _SUBSTITUTED.sub(lambda one: _text(local.get(one[1])) or one[0], text)
        case {"Fn::Sub": text}:
            value = text
        case {"Fn::Join": [str(between), list(parts)]}:
            texts = [_text(part) for part in parts]
            value = None if None in texts else between.join(map(str, texts))
    return value if isinstance(value, str) else None
