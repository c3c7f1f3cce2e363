"""Which calls each function made, and whether its role allows these and nothing else."""

import fnmatch
import itertools
import re
import threading
from collections.abc import Set
from typing import Any

# What Lambda does with a function's role, and the suite cannot provoke or the emulator does without asking
BY_LAMBDA = {
    "logs": ("logs:CreateLogStream", "logs:PutLogEvents"),
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "dynamodb": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
}

# Not to be provoked here: whose role, what on which name, and the reason
NOT_PROVOKED = {
    ("Webhooks", "sqs:SendMessage", "office-copilot-webhooks"): "only what is to be tried later than a queue waits is put back",
}

# A wildcard in a policy has to be written as here; any other is too wide. First what is without end, and is written down
# by its kind: the pattern of a call's resource, and what a policy calls it.
KINDS = (
    # Pictures of the organisation, and of each person in it
    (r"^(arn:aws:s3:::[^/]+)/[^/]+/(?:[^/]+/)?pictures/.+$", r"\1/*/pictures/*"),
    # The organisation comes first and the id last; what stands between is fixed
    (r"^(arn:aws:s3:::[^/]+)/[^/]+/((?:[^/]+/)+)[^/]+$", r"\1/*/\2*"),
    (r"/@connections/.+$", "/@connections/*"),
)
# Then what a policy may call by its name or so, and the key of the condition that it then needs
WILDCARDS = (
    # Lambda names the streams of its logs
    (r"(:log-group:[^:]+):log-stream:.+$", r"\1:*", None),
    # A stream that is turned off and on has another name
    (r"(:table/[^/]+)/stream/.+$", r"\1/stream/*", None),
    # A sender is verified by their address or by their domain
    (r"(:ses:[^/]+:identity)/.+$", r"\1/*", "ses:FromAddress"),
)
# X-Ray knows no resources
WITHOUT_RESOURCE = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")

calls: dict[tuple[str, str, str, bool], int] = {}
lock = threading.Lock()


def record() -> None:
    """Writes down every check that the emulator makes of a function's credentials."""
    from ministack.core import iam_evaluator
    from ministack.services import sts

    enforce = iam_evaluator.enforce

    def enforce_and_record(access_key: str, action: str, service: str, region: str, resource_arn: str = "*", **more: Any) -> Any:
        denied = enforce(access_key, action, service, region, resource_arn=resource_arn, **more)
        session = sts._sessions.get(access_key)
        if session:
            role = session["Arn"].split("/")[1]
            key = (role, action, without_ids(resource_arn), denied is None)
            with lock:
                calls[key] = calls.get(key, 0) + 1
        return denied

    iam_evaluator.enforce = enforce_and_record


def without_ids(arn: str) -> str:
    """One name for all objects of a kind, as a policy names them."""
    for pattern, written in KINDS:
        arn = re.sub(pattern, written, arn)
    return arn


def recorded() -> list[dict[str, Any]]:
    """One line for each role, action and kind of resource."""
    with lock:
        found = sorted(calls.items())
    return [dict(role=role, action=action, resource=resource, allowed=allowed, times=times) for (role, action, resource, allowed), times in found]


def added(lists: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What several emulators recorded, as if it were one."""
    found: dict[tuple, dict[str, Any]] = {}
    for line in itertools.chain.from_iterable(lists):
        known = found.setdefault((line["role"], line["action"], line["resource"], line["allowed"]), line | {"times": 0})
        known["times"] += line["times"]
    return list(found.values())


def needed_by_lambda(functions: list[dict[str, Any]], mappings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Lambda needs of a role to poll for the function, to pass on what failed and to keep what it logs."""
    roles = {function["FunctionName"]: function["Role"].split("/")[-1] for function in functions}
    needs = []

    def need(role: str, actions: tuple[str, ...], resource: str) -> None:
        needs.extend(dict(role=role, action=action, resource=resource, allowed=True, times=0) for action in actions)

    for function in functions:
        group = (function.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{function['FunctionName']}"
        _, _, _, region, account, *_ = function["FunctionArn"].split(":")
        if (function.get("TracingConfig") or {}).get("Mode") == "Active":
            need(roles[function["FunctionName"]], WITHOUT_RESOURCE, "*")
        need(roles[function["FunctionName"]], BY_LAMBDA["logs"], f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:1")
    for mapping in mappings:
        role, source = roles[mapping["FunctionArn"].split(":")[6]], mapping["EventSourceArn"]
        need(role, BY_LAMBDA[source.split(":")[2]], source)
        if "/stream/" in source:
            need(role, ("dynamodb:ListStreams",), source)
        failed = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if failed:
            need(role, ("sqs:SendMessage",), failed)
    return needs


def as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def compare(used: list[dict[str, Any]], policies: dict[str, list[dict[str, Any]]], complete: Set[str]) -> list[str]:
    """What is wrong: a call that was denied, a wildcard that says too little, and, in roles of which everything was
    provoked, a permission that nobody used."""
    wrong = []
    for call in used:
        allowed = any(covers(statement, call) for statement in policies.get(call["role"], []))
        if not allowed or not call["allowed"]:
            wrong.append(f"too little: {call['role']} may not {call['action']} on {call['resource']}")
    for role, statements in policies.items():
        mine = [call for call in used if call["role"] == role]
        for statement in statements:
            for action in as_list(statement["Action"]):
                if "*" in action:
                    wrong.append(f"wildcard: {role} may {action}")
                for resource in as_list(statement["Resource"]):
                    met = [call["resource"] for call in mine if covers({"Effect": "Allow", "Action": action, "Resource": resource}, call)]
                    if resource == "*" and action not in WITHOUT_RESOURCE:
                        wrong.append(f"wildcard: {role} may {action} on everything")
                    elif met and not any(resource in names(arn, statement) for arn in met):
                        wrong.append(f"too wide: {role} may {action} on {resource}, and only met {', '.join(sorted(set(met)))}")
                    elif not met and role in complete and not excused(role, action, resource):
                        wrong.append(f"too much: {role} may {action} on {resource}, and never did")
    return sorted(set(wrong))


def names(arn: str, statement: dict[str, Any]) -> list[str]:
    """What the statement may call the resource."""
    keys = statement.get("Condition", {}).get("StringEquals", {})
    return [arn, *(re.sub(pattern, written, arn) for pattern, written, key in WILDCARDS if key is None or key in keys)]


def excused(role: str, action: str, resource: str) -> bool:
    known = (f"-{function}Role-" in role and action == what and resource.endswith(f":{name}") for function, what, name in NOT_PROVOKED)
    return "*" not in resource and any(known)


def covers(statement: dict[str, Any], call: dict[str, Any]) -> bool:
    if statement["Effect"] != "Allow":
        raise SystemExit(f"a statement that does not allow is not understood: {statement}")
    actions, resources = as_list(statement["Action"]), as_list(statement["Resource"])
    return any(fnmatch.fnmatchcase(call["action"], action) for action in actions) and any(matches(call["resource"], resource) for resource in resources)


def matches(arn: str, pattern: str) -> bool:
    """As IAM does it: only `*` and `?` stand for something else."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), arn) is not None


def table(used: list[dict[str, Any]]) -> str:
    """Role by role, what was called on what and how often; without a number, what Lambda calls."""
    lines = []
    for role in sorted({call["role"] for call in used}):
        lines.append(role)
        mine = [call for call in used if call["role"] == role]
        for resource in sorted({call["resource"] for call in mine}):
            actions = [f"{call['action']} {call['times'] or ''}".strip() for call in mine if call["resource"] == resource]
            lines.append(f"  {resource.split(':', 5)[-1]}: {', '.join(actions)}")
    return "\n".join(lines)
