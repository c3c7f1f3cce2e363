"""MiniStack 1.5.33 set right where the product meets it, in process; nothing of it is changed on disk."""

import base64
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from hypercorn.protocol import ws_stream
from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_region, get_request_client_ip, request_scope
from ministack.core.router import extract_access_key_id
from ministack.services import apigateway, dynamodb, lambda_svc, s3, ses_v2, sqs

# A failure is tried again after this many seconds for each time it was tried: in the cloud it would be minutes
BACKOFF = 0.2
# So many functions run at once; the others wait for their turn, as they call nobody and nothing waits in a circle
TURNS = 8
FUNCTIONS_LOG = logging.getLogger("functions")

# The mails as they were sent, the oldest first: (id, time, bytes)
mails: list[tuple[str, float, bytes]] = []

# How many times functions have begun
begun = 0

# What the function of $connect answered
connect_status: ContextVar[dict[str, int]] = ContextVar("connect_status")
# Before the text of a frame that came as bytes
BINARY = "\0base64:"
# Of API Gateway, in bytes
LARGEST_FRAME, LARGEST_MESSAGE = 32 * 1024, 128 * 1024


def apply() -> None:
    take_turns()
    answer_without_delay()
    keep_function_logs()
    retry_queues_soon()
    count_batches()
    lambda_svc._poll_dynamodb_streams = poll_streams
    authorise_raw_mail()
    name_senders()
    name_leading_keys()
    hide_missing_objects()
    keep_mails()
    answer_preflights()
    correct_events()
    choose_socket_routes()
    answer_refused_sockets()
    limit_frames()


def take_turns() -> None:
    """Two hundred requests at once would start two hundred processes, and all of them time out on a small machine."""
    acquire, release = lambda_svc._acquire_execution_slot, lambda_svc._release_execution_slot
    turns = threading.Semaphore(TURNS)

    def acquire_in_turn(*args: Any) -> Any:
        global begun
        begun += 1
        turns.acquire()
        return acquire(*args)

    def release_turn(key: str) -> None:
        release(key)
        turns.release()

    lambda_svc._acquire_execution_slot = acquire_in_turn
    lambda_svc._release_execution_slot = release_turn


def answer_without_delay() -> None:
    """Head and body of an event are two small writes, and a function that logs nothing was waited for: 96 ms a call."""
    build = lambda_runtime.ProvidedWorker._build_handler_class
    drain = lambda_runtime.ProvidedWorker._drain_stderr_bounded

    def build_without_delay(self: Any, *args: Any) -> Any:
        handler = build(self, *args)
        handler.disable_nagle_algorithm = True
        return handler

    def drain_at_once(self: Any, first_line_wait: float = 0.003, idle_confirm: float = 0.002, hard_cap: float = 0.25) -> str:
        return drain(self, first_line_wait, idle_confirm, hard_cap)

    lambda_runtime.ProvidedWorker._build_handler_class = build_without_delay
    lambda_runtime.ProvidedWorker._drain_stderr_bounded = drain_at_once


def keep_function_logs() -> None:
    """What functions write is only in the emulated CloudWatch, which ends with the emulator."""
    emit = lambda_svc._emit_lambda_logs

    def emit_and_keep(func: dict, request_id: str, log_text: str, *args: Any, **more: Any) -> Any:
        for line in log_text.splitlines():
            FUNCTIONS_LOG.info("%s %s", (func.get("config") or func)["FunctionName"], line)
        return emit(func, request_id, log_text, *args, **more)

    lambda_svc._emit_lambda_logs = emit_and_keep


def retry_queues_soon() -> None:
    """A message that failed would be out of sight for the queue's visibility timeout."""
    run = lambda_svc._run_sqs_batch

    def run_and_return(esm: dict, func_rec: dict, event: dict, batch: list[dict], queue_url: str, queue_name: str) -> None:
        try:
            run(esm, func_rec, event, batch, queue_url, queue_name)
        finally:
            # It also holds back all other messages of the queue for a second
            lambda_svc._esm_backoff_until.pop(esm["UUID"], None)
            with sqs._queues_lock:
                left = {message["id"] for message in sqs._queues[queue_url]["messages"]}
                for message in batch:
                    if message["id"] in left:
                        message["visible_at"] = time.time() + BACKOFF * message["receive_count"]

    lambda_svc._run_sqs_batch = run_and_return


def count_batches() -> None:
    """A number of batches that comes from a parameter of the template is a text, and stopped all queues."""
    limit = lambda_svc._sqs_esm_concurrency

    def limit_of_number(esm: dict, *more: Any) -> int:
        scaling = {name: int(value) for name, value in (esm.get("ScalingConfig") or {}).items()}
        return limit(esm | {"ScalingConfig": scaling}, *more)

    lambda_svc._sqs_esm_concurrency = limit_of_number


# How the batch at the front of each stream has done so far: tries, and the size that was last tried
trouble: dict[str, tuple[int, int]] = {}


def poll_streams() -> bool:
    """Feeds functions from streams with partial batches, bisection and a last try, all of which it has not by itself."""
    took = False
    for account, region, esm in lambda_svc._iter_all_esms():
        if "/stream/" not in esm.get("EventSourceArn", "") or not esm.get("Enabled", True):
            continue
        with request_scope(account, region):
            took = poll_stream(esm) or took
    return took


def poll_stream(esm: dict[str, Any]) -> bool:
    mapping, arn = esm["UUID"], esm["EventSourceArn"]
    table = arn.split("/stream/")[0].split("/")[-1]
    if lambda_svc._esm_backoff_until.get(mapping, 0) > time.time():
        return False
    tries, size = trouble.get(mapping, (0, esm["BatchSize"]))
    position = max(stream_position(esm, table), dynamodb.stream_start_position(table))
    batch = dynamodb.stream_records_since(table, position, size)
    if not batch:
        return False
    function, _ = lambda_svc._get_func_record_for_qualifier(esm["FunctionName"], esm.get("Qualifier"))
    result = lambda_svc._execute_function(function, {"Records": batch})
    done = 0 if result.get("error") else handled(esm, result.get("body"), batch)
    if done == 0 and len(batch) > 1 and esm.get("BisectBatchOnFunctionError"):
        trouble[mapping] = (0, len(batch) // 2)
        return True
    if done == 0:
        tries += 1
        retries = int(esm.get("MaximumRetryAttempts", -1))
        if 0 <= retries < tries:
            lambda_svc._send_ddb_stream_failure_record(esm, function, batch, arn, result, "RetryAttemptsExhausted")
            done = len(batch)
        else:
            trouble[mapping] = (tries, len(batch))
            lambda_svc._esm_backoff_until[mapping] = time.time() + min(BACKOFF * tries, 1)
            return True
    trouble.pop(mapping, None)
    lambda_svc._dynamodb_stream_positions[mapping] = position + done
    return True


def stream_position(esm: dict[str, Any], table: str) -> int:
    position = lambda_svc._dynamodb_stream_positions.get(esm["UUID"])
    return dynamodb.stream_start_position(table) if position is None else position


def handled(esm: dict[str, Any], answer: Any, batch: list[dict]) -> int:
    """How many records from the front the function is done with."""
    if "ReportBatchItemFailures" not in esm.get("FunctionResponseTypes", []):
        return len(batch)
    failures = answer.get("batchItemFailures") or [] if isinstance(answer, dict) else []
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    failed = [failure.get("itemIdentifier") for failure in failures]
    # Lambda takes an answer that names no record of the batch for a failure of all
    return min((numbers.index(number) if number in numbers else 0 for number in failed), default=len(batch))


def authorise_raw_mail() -> None:
    """SendEmail of SES v2 with a raw message is authorised as ses:SendRawEmail on the identity of the sender."""
    action_of, resource_of = iam_actions.extract_iam_action, iam_actions.extract_resource_arn

    def mail(method: str, path: str, body: bytes) -> dict[str, Any] | None:
        if method != "POST" or path.rstrip("/") != "/v2/email/outbound-emails":
            return None
        return json.loads(body)

    def action(service: str, method: str, path: str, headers: dict, body: bytes, *more: Any) -> str | None:
        message = mail(method, path, body) if service == "ses" else None
        if message and "Raw" in message.get("Content", {}):
            return "ses:SendRawEmail"
        return action_of(service, method, path, headers, body, *more)

    def resource(service: str, method: str, path: str, headers: dict, body: bytes, params: dict, region: str, account: str) -> str:
        message = mail(method, path, body) if service == "ses" else None
        if message:
            return f"arn:aws:ses:{region}:{account}:identity/{message.get('FromEmailAddress')}"
        return resource_of(service, method, path, headers, body, params, region, account)

    iam_actions.extract_iam_action = action
    iam_actions.extract_resource_arn = resource


def name_senders() -> None:
    """The condition key `ses:FromAddress`, by which a policy allows one sender on whatever identity they are verified by."""
    enforce = iam_evaluator.enforce

    def enforce_with_sender(access_key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None) -> Any:
        if action == "ses:SendRawEmail":
            service_context = {"ses:FromAddress": resource_arn.partition(":identity/")[2]} | (service_context or {})
        return enforce(access_key, action, service, region, resource_arn=resource_arn, service_context=service_context)

    iam_evaluator.enforce = enforce_with_sender


def name_leading_keys() -> None:
    """The condition key `dynamodb:LeadingKeys`, by which a policy allows some partitions of a table and not others."""
    known = iam_actions.dynamodb_service_context

    def context(body: bytes) -> dict[str, Any]:
        found = known(body)
        keys = sorted(set(leading_keys(json.loads(body or b"{}"))))
        return found | {"dynamodb:LeadingKeys": keys} if keys else found

    iam_actions.dynamodb_service_context = context
    app.dynamodb_service_context = context


def leading_keys(request: dict[str, Any]) -> Iterator[str]:
    """Values of the partition key, of the table or of an index, in every shape of request."""
    for item in (request.get("Key"), request.get("Item"), *request.get("Keys", [])):
        if item and "pk" in item:
            yield item["pk"]["S"]
    condition = request.get("KeyConditionExpression")
    if condition:
        value = condition.split("=", 1)[1].split()[0]
        yield request["ExpressionAttributeValues"][value]["S"]
    for write in request.get("TransactItems", []):
        for one in write.values():
            yield from leading_keys(one)
    for wanted in request.get("RequestItems", {}).values():
        for one in wanted if isinstance(wanted, list) else [wanted]:
            yield from leading_keys(one)
            for write in one.values():
                if isinstance(write, dict):
                    yield from leading_keys(write)


def hide_missing_objects() -> None:
    """Only who may list a bucket is told that an object is missing; to others it is forbidden."""
    handle: Callable = s3.handle_request
    # Not a call of theirs, so that it is not written down as one
    enforce = iam_evaluator.enforce

    async def handle_and_hide(method: str, path: str, headers: dict, body: bytes, query: dict, **more: Any) -> tuple:
        answer = await handle(method, path, headers, body, query, **more)
        bucket = path.split("/")[1]
        if answer[0] == 404 and b"NoSuchKey" in answer[2]:
            caller = extract_access_key_id(headers, query)
            if enforce(caller, "s3:ListBucket", "s3", get_region(), resource_arn=f"arn:aws:s3:::{bucket}"):
                return s3._error("AccessDenied", "Access Denied", 403, path)
        return answer

    s3.handle_request = handle_and_hide


def keep_mails() -> None:
    """It keeps the parts of a mail that it understood; the mailbox shows the mail that was sent."""
    handle: Callable = ses_v2.handle_request

    async def handle_and_keep(method: str, path: str, headers: dict, body: bytes, params: dict) -> tuple:
        answer = await handle(method, path, headers, body, params)
        if method == "POST" and path.rstrip("/").endswith("/outbound-emails") and answer[0] == 200:
            raw = json.loads(body)["Content"]["Raw"]["Data"]
            mails.append((json.loads(answer[2])["MessageId"], time.time(), base64.b64decode(raw)))
        return answer

    ses_v2.handle_request = handle_and_keep


def answer_preflights() -> None:
    """It answers every preflight itself and allows all; that of an API is the API's to answer."""
    answer = app._handle_options_request

    def answer_others(method: str, path: str, *more: Any) -> Any:
        return None if path.startswith("/_aws/execute-api/") else answer(method, path, *more)

    app._handle_options_request = answer_others


def correct_events() -> None:
    """Every request came from 127.0.0.1, and frames of bytes came as broken text."""
    execute = lambda_svc._execute_function_with_config_scope

    def execute_corrected(func: dict, event: dict) -> dict:
        context = event.get("requestContext", {})
        if "http" in context:
            context["http"]["sourceIp"] = get_request_client_ip()
        if isinstance(event.get("body"), str) and event["body"].startswith(BINARY):
            event |= {"body": event["body"].removeprefix(BINARY), "isBase64Encoded": True}
        return execute(func, event)

    lambda_svc._execute_function_with_config_scope = execute_corrected


def choose_socket_routes() -> None:
    """A frame that nests too deeply ended the socket, and one could call the function of $connect."""
    evaluate = apigateway._evaluate_route_selection

    def evaluate_safely(expression: str, text: str) -> str:
        try:
            route = evaluate(expression, text)
        except RecursionError:
            return "$default"
        return "$default" if route.startswith("$") else route

    apigateway._evaluate_route_selection = evaluate_safely


def answer_refused_sockets() -> None:
    """A refused socket was answered with 403, whatever the function of $connect said."""
    invoke = apigateway._invoke_ws_lambda

    async def invoke_and_tell(*args: Any, **more: Any) -> dict | None:
        answer = await invoke(*args, **more)
        connect_status.get().setdefault("status", int((answer or {}).get("statusCode", 200)))
        return answer

    apigateway._invoke_ws_lambda = invoke_and_tell


def limit_frames() -> None:
    """The server knows a limit for messages, and none for one frame."""

    class Buffer(ws_stream.WebsocketBuffer):
        frame = 0

        def extend(self, event: Any) -> None:
            self.frame += len(event.data)
            if self.frame > LARGEST_FRAME:
                raise ws_stream.FrameTooLargeError()
            if event.frame_finished:
                self.frame = 0
            super().extend(event)

    ws_stream.WebsocketBuffer = Buffer
