"""Turns the SAM template into the CloudFormation that the emulator deploys."""

import logging
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

REGION = "eu-central-1"
CODE_BUCKET = "code"
# They name the addresses of the APIs, so that these are known before anything is deployed
API_IDS = {"HttpApi": "http", "SocketApi": "socket"}

# What the emulator cannot create, or what would only be stored: left out by name, and counted.
LEFT_OUT = {
    "AWS::CloudFormation::Stack": "a nested template holds alarms, dashboards or the edge, which no request meets here",
    "AWS::CloudFront::Distribution": "no distribution is served on loopback",
    "AWS::CodeDeploy::Application": "the first deployment has nothing to shift traffic from",
    "AWS::CodeDeploy::DeploymentGroup": "the first deployment has nothing to shift traffic from",
}


def load(template: Path) -> dict[str, Any]:
    """The SAM template as it stands, with its short forms written out."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    from samtranslator.yaml_helper import yaml_parse

    return yaml_parse(template.read_text())


def binaries(template: dict[str, Any]) -> dict[str, str]:
    """The program of each function, by the function's logical name."""
    functions = resources(template, "AWS::Serverless::Function")
    return {name: function["Metadata"]["BuildProperties"]["Binary"] for name, function in functions.items()}


def resources(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


def lower(template: dict[str, Any], aws: str, public: str, more: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The CloudFormation template with more variables for all functions, and which resources were left out and why."""
    for name, binary in binaries(template).items():
        template["Resources"][name]["Properties"]["CodeUri"] = f"s3://{CODE_BUCKET}/{binary}.zip"
    lowered = expand(template)
    left_out = {name: LEFT_OUT[resource["Type"]] for name, resource in lowered["Resources"].items() if resource["Type"] in LEFT_OUT}
    for name, resource in list(lowered["Resources"].items()):
        # Says how CodeDeploy moves an alias
        resource.pop("UpdatePolicy", None)
        if resource["Type"] in LEFT_OUT:
            del lowered["Resources"][name]
    for name, resource in list(lowered["Resources"].items()):
        if resource["Type"] == "AWS::ApiGatewayV2::Api":
            resource["Properties"].setdefault("Tags", {})["ms-custom-id"] = API_IDS[name]
            if "Body" in resource["Properties"]:
                lowered["Resources"].update(routes(name, resource["Properties"]))
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"]["Environment"]["Variables"]
            variables.update(addresses(variables, aws, public) | more)
    drop_references(lowered, list(left_out))
    return lowered, left_out


def expand(template: dict[str, Any]) -> dict[str, Any]:
    """What the transform of SAM makes of it in the cloud."""
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    from samtranslator.translator.transform import transform

    # It asks for the names of AWS's own policies only where a template uses one
    lowered = transform(template, {}, SimpleNamespace(load=dict))
    lowered.pop("Transform", None)
    return lowered


def routes(api: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The routes of an HTTP API as resources: the emulator ignores the OpenAPI body that SAM writes."""
    body = properties.pop("Body")
    properties.pop("FailOnWarnings", None)
    properties.update(Name=api, ProtocolType="HTTP")
    cors = body.get("x-amazon-apigateway-cors", {})
    # The emulator reads the keys as the OpenAPI extension writes them, not as CloudFormation does
    properties["CorsConfiguration"] = cors
    made: dict[str, Any] = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            if set(operation) - {"x-amazon-apigateway-integration", "responses", "parameters", "isDefaultRoute"}:
                raise SystemExit(f"{method} {path} has more than a function behind it: {sorted(operation)}")
            integration = operation["x-amazon-apigateway-integration"]
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            name = f"{api}{len(made)}"
            made[f"{name}Integration"] = {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": {"Ref": api},
                    "IntegrationType": integration["type"].upper(),
                    "IntegrationUri": integration["uri"],
                    "IntegrationMethod": integration["httpMethod"],
                    "PayloadFormatVersion": integration["payloadFormatVersion"],
                },
            }
            made[f"{name}Route"] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": api},
                    "RouteKey": "$default" if path == "$default" else f"{verb} {path}",
                    "Target": {"Fn::Join": ["/", ["integrations", {"Ref": f"{name}Integration"}]]},
                },
            }
    return made


def addresses(variables: dict[str, Any], aws: str, public: str) -> dict[str, str]:
    """Where a function finds services and APIs here; in the cloud the SDK knows."""
    found = {f"AWS_ENDPOINT_URL_{service}": aws for service in ("DYNAMODB", "S3", "SES", "SQS", "SSM", "STS")}
    # The receivers of the suite's webhooks are on this machine
    found["OUTSIDE_LOOPBACK"] = "true"
    found["SOCKET_URL"] = f"{public.replace('http', 'ws', 1)}/live"
    found["SOCKET_MANAGEMENT_URL"] = f"{aws}/_aws/execute-api/{API_IDS['SocketApi']}/live"
    if "PUBLIC_URL" in variables:
        found["PUBLIC_URL"] = public
    return found


def drop_references(lowered: dict[str, Any], left_out: list[str]) -> None:
    """Outputs that speak of what is left out go with it; a resource that does needs a decision."""
    pattern = re.compile("|".join(rf"\b{name}\b" for name in left_out) or "(?!)")
    for name, output in list(lowered.get("Outputs", {}).items()):
        if pattern.search(str(output)):
            del lowered["Outputs"][name]
    for name, resource in lowered["Resources"].items():
        named = sorted(set(pattern.findall(str(resource))))
        if named:
            raise SystemExit(f"{name} needs {', '.join(named)}, which the emulator cannot create (lowering.py, LEFT_OUT)")
