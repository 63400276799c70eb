"""Make the environment that a function sees: Lambda's variables and its own, no others."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.cli.assembly.expressions import UnresolvedError, resolve
from lambda_otel_lite_cdk.cli.errors import UsageProblem

if TYPE_CHECKING:
    from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction
    from lambda_otel_lite_cdk.cli.emulator._staging import Staged

#: Pseudo parameters of a stack that was never deployed; the user's parameters override them.
PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}


def own_variables(
    function: TemplateFunction, parameters: Mapping[str, str], overridden: Collection[str] = ()
) -> dict[str, str]:
    """Return the variables that the template gives a function.

    Args:
        function: The function of the assembly.
        parameters: Values for the expressions in it, by ``LogicalId`` or ``LogicalId.Attribute``.
        overridden: Variables to leave out, because the user gives their values. Default: none.

    Raises:
        UsageProblem: An expression has no value.
    """
    known = {**PSEUDO_PARAMETERS, **parameters}
    variables: dict[str, str] = {}
    for name, value in function.environment.items():
        if name in overridden:
            continue
        try:
            variables[name] = resolve(value, known)
        except UnresolvedError as error:
            fix = f"give --env {name}=VALUE"
            if error.parameter:
                fix += f", or --param {error.parameter}=VALUE"
            raise UsageProblem(
                f"variable {name} of function {function.path} is {json.dumps(value)}, and "
                f"{error} is known only after deployment; {fix}"
            ) from error
    return variables


def platform_variables(
    function: TemplateFunction, staged: Staged, region: str, python_path: list[Path]
) -> dict[str, str]:
    """Return the variables that Lambda itself sets.

    Source: AWS Lambda developer guide, "Defined runtime environment variables".

    Args:
        function: The function of the assembly.
        staged: Where its code and layers are.
        region: The region that it sees, such as ``"us-east-1"``.
        python_path: Folders to import from after the code, in order.
    """
    opt = staged.layers_root
    libraries = {"LD_LIBRARY_PATH": f"{opt}/lib"} if opt else {}
    return {
        **libraries,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.logical_id,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout_s),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.logical_id}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local/[$LATEST]",
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "LAMBDA_TASK_ROOT": str(staged.task_root),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin" + (f":{opt}/bin" if opt else ""),
        # Nothing is written into the assembly; Lambda's file system is read-only too.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": ":".join(map(str, python_path)),
        "TZ": ":UTC",
        "_HANDLER": function.handler,
    }
