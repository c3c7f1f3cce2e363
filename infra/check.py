"""Checks what template.yaml becomes in the cloud against the house's own rules, and writes it down for other checkers.

Run with the Python of the SAM CLI, whose translator it uses: infra/check.py FOLDER writes FOLDER/template.json and
FOLDER/alarms.json. Nothing is sent anywhere.
"""

import json
import logging
import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

from samcli.lib.cfn_language_extensions.api import process_template  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

INFRA = Path(__file__).parent
STACK = "stack"
RELEASE_ALARMS = 10  # CodeDeploy takes no more for one group
HTTP_SECONDS = 30  # An HTTP API waits no longer
# Actions that AWS lets nobody narrow to a resource
WITHOUT_RESOURCE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# Resources with a wildcard that are meant so: how they end, and why
WILDCARDS = {
    "${Bucket.Arn}/*/files/*": "organisation and file",
    "${Bucket.Arn}/*/pictures/*": "organisation or person, and picture",
    "${Bucket.Arn}/*/uploads/*": "organisation and file",
    "${Bucket.Arn}/*/invoices/*": "organisation and invoice",
    "${SocketApi}/live/POST/@connections/*": "a connection has its id from API Gateway",
    "${SocketApi}/live/DELETE/@connections/*": "a connection has its id from API Gateway",
    "${Table.Arn}/stream/*": "a stream is named by when it was made, and a restored table has a new one",
    ":identity/*": "the sender may be verified by address or by domain, and the sandbox asks for recipients",
}
# What the statement of such a resource must ask besides
CONDITIONS = {":identity/*": {"StringEquals": {"ses:FromAddress": "MailFrom"}}}
KEPT = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")

Resources = dict[str, dict[str, Any]]


class NoManagedPolicies:
    """The translator asks for the names of AWS's own policies only where a template uses one by name."""

    def load(self) -> dict[str, str]:
        return {}


def translated() -> dict[str, Any]:
    template = yaml_parse((INFRA.parent / "template.yaml").read_text())
    # The translator wants to know where the code was uploaded to
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/code"
    return transform(template, {}, NoManagedPolicies())


def alarms() -> dict[str, Any]:
    template = yaml_parse((INFRA / "alarms.yaml").read_text())
    values = {name: name for name in template["Parameters"]} | {"Stack": STACK}
    return process_template(template, parameter_values=values)


def plain(value: Any) -> Any:
    """The value with references by their names, so that two of them can be compared."""
    match value:
        case {"Ref": name}:
            return name
        case {"Fn::GetAtt": [name, *_]}:
            return name
        case {"Fn::Sub": str(text)}:
            return text.replace("${AWS::StackName}", STACK).replace("${Stack}", STACK)
        case dict():
            return {key: plain(inner) for key, inner in value.items()}
        case list():
            return [plain(inner) for inner in value]
        case _:
            return value


def of_type(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in resources.items():
        if resource["Type"] == kind:
            yield name, resource["Properties"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    documents = [(name, policy["PolicyDocument"]) for name, role in of_type(resources, "AWS::IAM::Role") for policy in role.get("Policies", [])]
    documents += [(name, policy["PolicyDocument"]) for name, policy in of_type(resources, "AWS::IAM::ManagedPolicy")]
    for name, document in documents:
        yield from ((name, statement) for statement in as_list(document["Statement"]) if statement["Effect"] == "Allow")


def policies(resources: Resources) -> Iterator[str]:
    for name, statement in statements(resources):
        if "Action" not in statement or "Resource" not in statement:
            yield f"{name} allows all but what it names"
            continue
        actions = set(as_list(statement["Action"]))
        yield from (f"{name} allows more than one action by {action}" for action in sorted(actions) if "*" in action)
        for resource in as_list(statement["Resource"]):
            if "*" not in str(resource) or (resource == "*" and actions <= WITHOUT_RESOURCE):
                continue
            tail = next((tail for tail in WILDCARDS if str(resource).endswith(tail) and str(resource).count("*") == tail.count("*")), None)
            if tail is None:
                yield f"{name} allows {sorted(actions)} on {resource}, which nobody gave a reason for"
            elif statement.get("Condition") != CONDITIONS.get(tail):
                yield f"{name} allows {sorted(actions)} on {resource} without {CONDITIONS.get(tail)}"


def data(resources: Resources, parameters: dict[str, Any]) -> Iterator[str]:
    for name, resource in resources.items():
        if resource["Type"] in KEPT and not resource.get("DeletionPolicy") == resource.get("UpdateReplacePolicy") == "Retain":
            yield f"{name} goes with the stack"
    for name, table in of_type(resources, "AWS::DynamoDB::Table"):
        if table.get("PointInTimeRecoverySpecification") != {"PointInTimeRecoveryEnabled": True}:
            yield f"{name} has no point-in-time recovery"
        protection = parameters.get(str(table.get("DeletionProtectionEnabled")), {})
        if protection.get("Default") != "true":
            yield f"{name} may be deleted by whoever says nothing of it"
    tls_only = {
        policy["Bucket"]
        for _, policy in of_type(resources, "AWS::S3::BucketPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    }
    for name, bucket in of_type(resources, "AWS::S3::Bucket"):
        for wanted in ("BucketEncryption", "VersioningConfiguration", "LifecycleConfiguration", "PublicAccessBlockConfiguration"):
            if wanted not in bucket:
                yield f"{name} has no {wanted}"
        if name not in tls_only:
            yield f"{name} may be read without TLS"
    for name, group in of_type(resources, "AWS::Logs::LogGroup"):
        if "RetentionInDays" not in group:
            yield f"{name} is kept for ever"


def queues(resources: Resources) -> Iterator[str]:
    found = dict(of_type(resources, "AWS::SQS::Queue"))
    dead = {queue["RedrivePolicy"]["deadLetterTargetArn"] for queue in found.values() if "RedrivePolicy" in queue}
    sources = list(of_type(resources, "AWS::Lambda::EventSourceMapping"))
    dead |= {source["DestinationConfig"]["OnFailure"]["Destination"] for _, source in sources if "DestinationConfig" in source}
    functions = dict(of_type(resources, "AWS::Lambda::Function"))
    for name, queue in found.items():
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"
        if name not in dead and "RedrivePolicy" not in queue:
            yield f"{name} has no dead letters"
    for name, source in sources:
        function = functions[resources[source["FunctionName"]]["Properties"]["FunctionName"]]
        if source["EventSourceArn"] in found:
            least = 6 * function["Timeout"]
            if found[source["EventSourceArn"]].get("VisibilityTimeout", 30) < least:
                yield f"{source['EventSourceArn']} hides a message for less than {least} s, six times its function's timeout"
            if "ScalingConfig" not in source:
                yield f"{name} may take all the concurrency there is"
        elif "DestinationConfig" not in source:
            yield f"{name} loses what it gives up"


def functions(resources: Resources) -> Iterator[str]:
    aliases = {alias["FunctionName"] for _, alias in of_type(resources, "AWS::Lambda::Alias")}
    answering = json.dumps([api.get("Body") for _, api in of_type(resources, "AWS::ApiGatewayV2::Api")])
    for name, function in of_type(resources, "AWS::Lambda::Function"):
        group = resources.get(function.get("LoggingConfig", {}).get("LogGroup"), {})
        if group.get("Type") != "AWS::Logs::LogGroup":
            yield f"{name} logs where nothing is said of retention"
        if name not in aliases:
            yield f"{name} has no alias to roll out and back"
        if f"${{{name}Alias" in answering and function["Timeout"] > HTTP_SECONDS:
            yield f"{name} may take longer than the HTTP API waits"
    for name, permission in of_type(resources, "AWS::Lambda::Permission"):
        if resources[permission["FunctionName"]]["Type"] != "AWS::Lambda::Alias":
            yield f"{name} is for the function and not for its alias"


def doors(resources: Resources) -> Iterator[str]:
    """CloudFormation refuses settings of a route that is not there, and only when it comes to them."""
    anything = "x-amazon-apigateway-any-method"
    for name, stage in of_type(resources, "AWS::ApiGatewayV2::Stage"):
        paths = resources[stage["ApiId"]]["Properties"].get("Body", {}).get("paths", {})
        routes = {f"{'ANY' if method == anything else method.upper()} {path}" for path, methods in paths.items() for method in methods}
        yield from (f"{name} limits {route}, which is no route" for route in stage.get("RouteSettings", {}).keys() - routes)


def watching(resources: Resources, watched: Resources) -> Iterator[str]:
    found = {alarm["AlarmName"]: alarm for _, alarm in of_type(watched, "AWS::CloudWatch::Alarm")}
    on = {
        (alarm.get("MetricName"), dimension["Value"]): alarm["Threshold"]
        for alarm in found.values()
        for dimension in alarm.get("Dimensions", [])
    }
    for name, function in of_type(resources, "AWS::Lambda::Function"):
        for metric in ("Errors", "Throttles", "Duration"):
            if (metric, function["FunctionName"]) not in on:
                yield f"{name} has no alarm on {metric}"
        limit = on.get(("Duration", function["FunctionName"]), 0)
        if not function["Timeout"] / 2 <= limit / 1000 < function["Timeout"]:
            yield f"{name} has its alarm on Duration at {limit} ms, which is not near its timeout"
    for name, queue in of_type(resources, "AWS::SQS::Queue"):
        metric = "ApproximateAgeOfOldestMessage" if "RedrivePolicy" in queue else "ApproximateNumberOfMessagesVisible"
        if (metric, queue["QueueName"]) not in on:
            yield f"{name} has no alarm on {metric}"
    for name, alarm in found.items():
        section = alarm["AlarmDescription"].split('"')[1]
        if f"### {section}\n" not in (INFRA / "README.md").read_text():
            yield f"{name} points to {section}, which infra/README.md has not"
    for name, group in of_type(resources, "AWS::CodeDeploy::DeploymentGroup"):
        _, on, off = group["AlarmConfiguration"]["Fn::If"]
        names = {alarm["Name"] for alarm in on["Alarms"]}
        if off or not names <= found.keys() or len(names) > RELEASE_ALARMS:
            yield f"{name} names too many alarms, or some that are not there: {sorted(names - found.keys())}"
    # An expression is paid for by the metrics it reads
    paid = sum(len([it for it in alarm.get("Metrics", [{"MetricStat": {}}]) if "MetricStat" in it]) for alarm in found.values())
    reckoned = tomllib.loads((INFRA / "bench/usage.toml").read_text())["watching"]["alarm_metrics"]
    if paid != reckoned:
        yield f"alarms read {paid} metrics, and infra/bench/usage.toml counts {reckoned}"


def dashboard(resources: Resources) -> Iterator[str]:
    shown = resources["DashboardStack"]["Properties"]["Parameters"]["Functions"]["Fn::Join"][1]
    missing = {name for name, _ in of_type(resources, "AWS::Lambda::Function")} ^ set(shown)
    if missing:
        yield f"the dashboard's list of functions is not the template's: {sorted(missing)}"
    body, lists = yaml_parse((INFRA / "dashboard.yaml").read_text())["Resources"]["Page"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name, value in lists.items():
        body = body.replace(f"${{{name}}}", value["Fn::Join"][0].join(["one", "two"]))
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        yield f"the dashboard is not JSON: {error}"


def main(folder: Path) -> int:
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    template, watched = translated(), alarms()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.json").write_text(json.dumps(template, indent=1))
    (folder / "alarms.json").write_text(json.dumps(watched, indent=1))
    resources, watched = plain(template["Resources"]), plain(watched["Resources"])
    rules = (policies(resources), data(resources, template["Parameters"]), queues(resources), functions(resources), doors(resources))
    wrong = [problem for rule in (*rules, watching(resources, watched), dashboard(resources)) for problem in rule]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
