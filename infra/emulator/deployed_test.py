"""Deploys the template on emulators, runs the suite against them, and holds the roles against the calls that were made."""

import argparse
import base64
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

import clock
import lowering
import privileges

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SKIPPED = ROOT / "tests/skipped-when-deployed.txt"
STACK = "office-copilot"
SECRETS_PARAMETER = "/office-copilot/secrets"
SETUP = secrets.token_urlsafe(24)
# One for each test that runs at a time, so that none waits until another is done or until time is its own to move
SYSTEMS = min(os.cpu_count() or 1, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=Path, required=True, help="folder with the programs: NAME, or NAME/bootstrap")
    parser.add_argument("--folder", type=Path, required=True, help="for logs and packages")
    parser.add_argument("--scoped", action="store_true", help="with credentials of one organisation at a time")
    parser.add_argument("--serve", action="store_true", help="deploy one and wait, and run no tests")
    options, arguments = parser.parse_known_args()
    # Told to end, it still stops what it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options.folder.mkdir(parents=True, exist_ok=True)
    if os.environ.get("OFFICE_COPILOT_URL"):
        status, skipped = run_suite(options.folder, {}, arguments or ["-E", "binary(it)"])
        say_skipped(skipped)
        sys.exit(status)
    try:
        with ExitStack() as stack:
            sys.exit(test(options, arguments, stack))
    except KeyboardInterrupt:
        sys.exit(130)


def test(options: argparse.Namespace, arguments: list[str], stack: ExitStack) -> int:
    begun = time.monotonic()
    count = 1 if options.serve else SYSTEMS
    ports = free_ports(2 * count)
    systems = []
    for number in range(count):
        systems.append(start(options.folder / str(number), *ports[2 * number : 2 * number + 2]))
        stack.callback(systems[-1].stop)
    plans, left_out = [], {}
    for system in systems:
        lowered, left_out = lowering.lower(load(), system.services, system.url, clock.environment(system.folder / "time"))
        plans.append(lowered)
    packages = [package(options, program) for program in sorted(set(lowering.binaries(load()).values()))]
    packaged = time.monotonic()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda system, lowered: deploy(system, lowered, packages, options.scoped), systems, plans))
    for packed in packages:
        packed.unlink()
    made = len(plans[0]["Resources"])
    print(f"packaged in {packaged - begun:.1f} s, deployed {made} resources {count} times in {time.monotonic() - packaged:.1f} s")
    for reason in sorted(set(left_out.values())):
        print(f"left out, because {reason}: {', '.join(name for name in left_out if left_out[name] == reason)}")
    print(f"{len(left_out)} resources left out", flush=True)
    if options.serve:
        print(f"serving {systems[0].url}, services at {systems[0].services}; Ctrl-C ends it", flush=True)
        return systems[0].process.wait()
    urls = " ".join(system.url for system in systems)
    variables = {"OFFICE_COPILOT_URL": urls, "OFFICE_COPILOT_TOOLS": urls, "OFFICE_COPILOT_SETUP": SETUP}
    status, skipped = run_suite(options.folder, variables, ["--test-threads", str(count), *(arguments or ["-E", "binary(it)"])])
    say_skipped(skipped)
    status = check_skipped(skipped, whole=not arguments) or status
    used, policies = gather(systems)
    # A part provokes too little; and with scoped credentials, functions leave to TenantRole what their own still may
    complete = set() if arguments else {role for role in policies if not options.scoped or "-TenantRole-" in role}
    status = check_privileges(used, policies, complete) or status
    if status:
        print(f"logs: {options.folder}/*/emulator.log and {options.folder}/*/functions.log")
    return status


class Clients:
    """One client for each service, made when it is first used."""

    def __init__(self, endpoint: str):
        self.endpoint = endpoint

    def __getattr__(self, service: str) -> Any:
        client = boto3.client(
            service.strip("_"),
            endpoint_url=self.endpoint,
            region_name=lowering.REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        setattr(self, service, client)
        return client


@dataclass
class System:
    """An emulator in a process of its own, because its time is moved, and what is deployed on it."""

    folder: Path
    services: str
    url: str
    process: subprocess.Popen
    clients: Clients

    def stop(self) -> None:
        """The emulator and all functions it started."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        shutil.rmtree(self.folder / "scratch", ignore_errors=True)


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def start(folder: Path, aws: int, public: int) -> System:
    shutil.rmtree(folder, ignore_errors=True)
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    log = (folder / "emulator.log").open("w")
    services = f"http://127.0.0.1:{aws}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OFFICE_COPILOT_"))}
    environment |= {
        "AUTH": "true",
        # It unpacks every program, and leaves that behind
        "TMPDIR": str(scratch),
        "GATEWAY_PORT": str(aws),
        "AWS_ENDPOINT_URL": services,
        "MINISTACK_REGION": lowering.REGION,
        "AWS_DEFAULT_REGION": lowering.REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, str(HERE / "serve.py"), str(folder), str(aws), str(public)]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    return System(folder, services, f"http://localhost:{public}", process, Clients(services))


def wait_until_up(system: System) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and system.process.poll() is None:
        try:
            urllib.request.urlopen(f"{system.services}/_ministack/health", timeout=5)
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"the emulator did not start: {system.folder}/emulator.log")


def load() -> dict[str, Any]:
    return lowering.load(ROOT / "template.yaml")


def deploy(system: System, lowered: dict[str, Any], packages: list[Path], scoped: bool) -> None:
    wait_until_up(system)
    clients = system.clients
    clients.s3.create_bucket(Bucket=lowering.CODE_BUCKET, CreateBucketConfiguration={"LocationConstraint": lowering.REGION})
    for packed in packages:
        clients.s3.upload_file(str(packed), lowering.CODE_BUCKET, packed.name)
    clients.s3.put_object(Bucket=lowering.CODE_BUCKET, Key="template.json", Body=json.dumps(lowered).encode())
    clients.ssm.put_parameter(Name=SECRETS_PARAMETER, Type="SecureString", Value=signing_keys())
    sender = lowered["Parameters"]["MailFrom"]["Default"]
    clients.sesv2.create_email_identity(EmailIdentity=sender)
    clients.cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{system.services}/{lowering.CODE_BUCKET}/template.json",
        Parameters=[
            {"ParameterKey": "Architecture", "ParameterValue": "x86_64"},
            {"ParameterKey": "TenantScoped", "ParameterValue": json.dumps(scoped)},
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    wait_for_stack(clients)
    enable_expiry(clients, lowered)
    verify(clients, lowered)


def package(options: argparse.Namespace, program: str) -> Path:
    """The program as Lambda wants it, without debug information, which would only be copied about."""
    built = next((path for path in (options.programs / program / "bootstrap", options.programs / program) if path.is_file()), None)
    if built is None:
        sys.exit(f"{program} is not built in {options.programs}")
    packed, stripped = options.folder / f"{program}.zip", options.folder / program
    if shutil.which("strip"):
        subprocess.run(["strip", "-o", stripped, built], check=True)
    else:
        shutil.copy(built, stripped)
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(entry, stripped.read_bytes())
    stripped.unlink()
    return packed


def signing_keys() -> str:
    """The secrets parameter, as infra/README.md has it."""

    def key(count: int) -> str:
        return base64.urlsafe_b64encode(secrets.token_bytes(count)).decode().rstrip("=")

    return json.dumps({"signing": [{"kid": key(9), "seed": key(32)}], "mac": key(32), "sealing": [{"kid": key(9), "key": key(32)}], "setup": SETUP})


def wait_for_stack(clients: Clients) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        stack = clients.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return
        if "FAILED" in stack["StackStatus"] or "ROLLBACK" in stack["StackStatus"]:
            break
        time.sleep(0.1)
    for event in clients.cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]:
        if "FAILED" in event["ResourceStatus"]:
            print(event["LogicalResourceId"], event.get("ResourceStatusReason"))
    sys.exit(f"the stack is {stack['StackStatus']}")


def physical(clients: Clients, kind: str) -> dict[str, str]:
    """The names of the stack's resources of a kind, by their names in the template."""
    pages = clients.cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    found = [resource for page in pages for resource in page["StackResourceSummaries"]]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if one["ResourceType"] == kind}


def enable_expiry(clients: Clients, lowered: dict[str, Any]) -> None:
    """The emulator's CloudFormation ignores it."""
    for name, physical_name in physical(clients, "AWS::DynamoDB::Table").items():
        setting = lowered["Resources"][name]["Properties"].get("TimeToLiveSpecification")
        if setting:
            clients.dynamodb.update_time_to_live(TableName=physical_name, TimeToLiveSpecification=setting)


def verify(clients: Clients, lowered: dict[str, Any]) -> None:
    """A stack can be complete and serve nothing."""
    for name, api in lowering.API_IDS.items():
        wanted = sum(
            resource["Type"] == "AWS::ApiGatewayV2::Route" and resource["Properties"]["ApiId"] == {"Ref": name} for resource in lowered["Resources"].values()
        )
        found = len(clients.apigatewayv2.get_routes(ApiId=api, MaxResults="500")["Items"])
        if found != wanted or not wanted:
            sys.exit(f"{name} has {found} routes, not {wanted}")


def run_suite(folder: Path, variables: dict[str, str], arguments: list[str]) -> tuple[int, list[str]]:
    """How the suite ended, and what it skipped and why."""
    skipped = folder / "skipped.txt"
    skipped.write_text("")
    begun = time.monotonic()
    command = ["cargo", "nextest", "run", "--workspace", "--no-fail-fast", *arguments]
    if "CI" in os.environ:
        command.insert(3, "--locked")
    environment = os.environ | variables | {"OFFICE_COPILOT_SKIPPED": str(skipped)}
    status = subprocess.run(command, cwd=ROOT, env=environment).returncode
    print(f"the suite took {time.monotonic() - begun:.1f} s")
    return status, sorted(set(skipped.read_text().splitlines()))


def say_skipped(found: list[str]) -> None:
    for line in found:
        print(f"skipped: {line}")
    print(f"{len(found)} tests skipped")


def check_skipped(found: list[str], whole: bool) -> int:
    """The list is that of this emulator, and only shrinks."""
    expected = SKIPPED.read_text().splitlines() if SKIPPED.exists() else []
    new = [line for line in found if line not in expected]
    gone = [line for line in expected if line not in found] if whole else []
    for line in new:
        print(f"not in {SKIPPED.relative_to(ROOT)}: {line}")
    for line in gone:
        print(f"no longer skipped, take it out of {SKIPPED.relative_to(ROOT)}: {line}")
    return 1 if new or gone else 0


def gather(systems: list[System]) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """The calls that were made on all of them, as if on the first, and what its roles allow: each has buckets of its own names."""
    clients = systems[0].clients
    functions = clients._lambda.list_functions()["Functions"]
    mappings = clients._lambda.list_event_source_mappings()["EventSourceMappings"]
    roles = {function["Role"].split("/")[-1] for function in functions}
    # Those who take it on are held against it too
    roles |= {role for name, role in physical(clients, "AWS::IAM::Role").items() if name == "TenantRole"}
    policies = {role: statements(clients, role) for role in sorted(roles)}
    here, recorded = physical(clients, "AWS::S3::Bucket"), []
    for system in systems:
        there = physical(system.clients, "AWS::S3::Bucket")
        system.stop()
        calls = (system.folder / "calls.json").read_text()
        for name in here:
            calls = calls.replace(there[name], here[name])
        recorded.append(json.loads(calls))
    used = privileges.added(recorded)
    return used + privileges.needed_by_lambda(functions, mappings), policies


def statements(clients: Clients, role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in clients.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        found += clients.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    for policy in clients.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = clients.iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        document = clients.iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
        found += document["PolicyVersion"]["Document"]["Statement"]
    return found


def check_privileges(used: list[dict[str, Any]], policies: dict[str, list[dict[str, Any]]], complete: set[str]) -> int:
    print(privileges.table(used))
    wrong = privileges.compare(used, policies, complete)
    for line in wrong:
        print(line)
    print(f"{len(policies)} roles, {len(used)} permissions used, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    main()
