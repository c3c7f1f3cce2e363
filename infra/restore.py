"""Copies records that are missing from the table out of a restored one, without setting off what follows a change.

Needs boto3 and the credentials of the AWS CLI: infra/restore.py FROM TO [--organization org_…] [--apply]. Without --apply it
only counts. What is in the table already stays as it is.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3

# What must not come back: proofs that somebody is logged in or was connected, counts of guesses, answers kept for a retry
ENDED = ("TICKET#", "CONNECTION#", "ATTEMPTS#", "IDEMPOTENCY")
ENDED_BELOW = ("#SOCKETS", "#WATCHES#", "#IDEMPOTENCY#")

Item = dict[str, Any]


def lives_on(item: Item, now: float) -> bool:
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    # Its moment, in milliseconds, stands first in the key of a timer. One that is past has told, or told too late.
    if pk.startswith("TIMERS#"):
        return int(sk.split("#")[0]) > now * 1000
    return not (pk.startswith(ENDED) or sk.startswith("SESSION#") or any(part in pk for part in ENDED_BELOW))


def items(client: Any, table: str, organization: str) -> Iterator[Item]:
    scan: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
    if organization:
        # Timers of all organisations share partitions, and say only in an attribute whose they are
        theirs = "pk = :own OR begins_with(pk, :below) OR tenant = :organization"
        values = {":own": f"ORG#{organization}", ":below": f"ORG#{organization}#", ":organization": organization}
        scan |= {"FilterExpression": theirs, "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()}}
    for page in client.get_paginator("scan").paginate(**scan):
        yield from page["Items"]


def is_missing(client: Any, table: str, key: Item) -> bool:
    found = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {"restoring": {}})
    return "restoring" in found


def copy(client: Any, table: str, key: Item, item: Item) -> bool:
    """In two writes: the stream then says that a record changed, and only new ones are followed by mails and notifications."""
    try:
        mark = key | {"restoring": {"BOOL": True}}
        client.put_item(TableName=table, Item=mark, ConditionExpression="attribute_not_exists(pk) OR attribute_exists(restoring)")
        client.put_item(TableName=table, Item=item, ConditionExpression="attribute_exists(restoring)")
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", metavar="FROM")
    parser.add_argument("target", metavar="TO")
    parser.add_argument("--organization", default="", help="only what belongs to this one, such as org_…")
    parser.add_argument("--apply", action="store_true", help="write; without it, only count")
    arguments = parser.parse_args()
    client = boto3.client("dynamodb")
    done: Counter[str] = Counter()
    for item in items(client, arguments.source, arguments.organization):
        key = {"pk": item["pk"], "sk": item["sk"]}
        if not lives_on(item, time.time()):
            done["left out"] += 1
        elif not is_missing(client, arguments.target, key):
            done["there already"] += 1
        elif not arguments.apply:
            done["missing"] += 1
        else:
            done["copied" if copy(client, arguments.target, key, item) else "there already"] += 1
    print(*(f"{count} {what}" for what, count in sorted(done.items())), sep=", ")


if __name__ == "__main__":
    main()
