"""The resource: which function, version and environment the spans come from.

Built without the SDK's detectors, which know nothing of Lambda, unless their variable is set: to
find them, the entry points of all installed packages are read.
"""

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.version import __version__ as sdk_version

from lambda_otel_lite.configuration.settings import Settings


def get_lambda_resource(
    custom_resource: Resource | None = None, *, settings: Settings | None = None
) -> Resource:
    """Describe the function by its resource attributes.

    Which they are: https://pypi.org/project/lambda-otel-lite/0.8.2/, "Automatic FAAS Attributes",
    and https://opentelemetry.io/docs/specs/semconv/resource/cloud-provider/aws/logs/.
    Each source overrides those before it: the platform, the detectors that
    ``OTEL_EXPERIMENTAL_RESOURCE_DETECTORS`` names, ``OTEL_RESOURCE_ATTRIBUTES``,
    ``OTEL_SERVICE_NAME``, `custom_resource`
    (https://opentelemetry.io/docs/specs/otel/resource/sdk/).

    Args:
        custom_resource: Attributes to add. A ``service.name`` that begins with ``unknown_service``
            is ignored: ``Resource.create`` adds it when nobody has chosen a name.
        settings: Where the values come from. Default: the process environment.
    """
    settings = settings or Settings.from_environ()
    found = {
        "cloud.region": settings.region,
        "faas.name": settings.function_name,
        "faas.version": settings.function_version,
        "faas.instance": settings.log_stream,
        "faas.max_memory": settings.memory_bytes,
        "aws.log.group.names": settings.log_group and [settings.log_group],
        "aws.log.stream.names": settings.log_stream and [settings.log_stream],
    }
    attributes: dict[str, Any] = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": sdk_version,
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        **{key: value for key, value in found.items() if value is not None},
        **_detected(settings),
        **settings.resource_attributes,
        "service.name": settings.service_name,
    }
    resource = Resource(attributes)
    return resource.merge(_chosen(custom_resource)) if custom_resource else resource


def _detected(settings: Settings) -> Mapping[str, Any]:
    if not settings.resource_detectors:
        return {}
    from lambda_otel_lite.startup.detectors import detected  # noqa: PLC0415 - seldom needed

    return detected(settings.resource_detectors).attributes


def _chosen(custom: Resource) -> Resource:
    name = custom.attributes.get("service.name")
    if not (isinstance(name, str) and name.startswith("unknown_service")):
        return custom
    kept = {key: value for key, value in custom.attributes.items() if key != "service.name"}
    return Resource(kept, custom.schema_url)
