#!/usr/bin/env python3
"""Computes what the product costs on AWS, from the counted calls, prices.toml and usage.toml, and writes it into README.md."""

import pathlib
import re
import tomllib
from collections import Counter

HERE = pathlib.Path(__file__).parent
COUNTED = HERE.parents[1] / "tests/it/snapshots/it__costs__costs.snap"
README = HERE / "README.md"
PRICES = tomllib.loads((HERE / "prices.toml").read_text())
USAGE = tomllib.loads((HERE / "usage.toml").read_text())
BEGIN, END = "<!-- written by `make cost` -->\n", "<!-- end -->\n"


def counted() -> dict[str, tuple[int, float, float]]:
    """Round trips, reads and writes of each operation."""
    row = re.compile(r"^(.{26}) *(\d+) +([\d.]+) +([\d.]+) ")
    found = (row.match(line) for line in COUNTED.read_text().splitlines())
    return {it[1].strip(): (int(it[2]), float(it[3]), float(it[4])) for it in found if it}


def run(round_trips: float, cpu_ms: float, memory_mb: int) -> float:
    """Dollars of one run of a function."""
    prices, time = PRICES["lambda"], USAGE["time"]
    ms = round_trips * time["round_trip_ms"] + cpu_ms * max(1, time["cpu_of_memory_mb"] / memory_mb)
    return prices["million_requests"] / 1e6 + prices["gb_second"] * memory_mb / 1024 * ms / 1000


def logged(runs: float, requests: float) -> float:
    """Gigabytes."""
    return (runs * USAGE["watching"]["log_bytes_a_run"] + requests * USAGE["watching"]["access_log_bytes"]) / 1e9


def watching(metrics: float, traces: float) -> Counter[str]:
    """Dollars of a month: alarms and the dashboard are paid for whatever happens, a metric by the hour that has one."""
    prices, it = PRICES["cloudwatch"], USAGE["watching"]
    return Counter({
        "CloudWatch alarms": it["alarm_metrics"] * prices["alarm_metric_month"],
        "CloudWatch dashboard": prices["dashboard_month"],
        "CloudWatch metrics": metrics * prices["metric_month"],
        "X-Ray": traces * PRICES["xray"]["million_traces"] / 1e6,
    })


def table(reads: float, writes: float) -> float:
    return (reads * PRICES["dynamodb"]["million_reads"] + writes * PRICES["dynamodb"]["million_writes"]) / 1e6


def operation(name: str, trips: int, reads: float, writes: float) -> Counter[str]:
    """Dollars of one operation and all that follows from it, by service."""
    it = USAGE["operation"][name]
    after, memory = it["after"], it.get("memory_mb", 512)
    sent = after.get("pushes", 0) + it.get("socket", False)
    return Counter({
        "HTTP API": 0 if it.get("socket") else PRICES["http_api"]["million_requests"] / 1e6,
        "WebSocket": sent * PRICES["websocket"]["million_messages"] / 1e6,
        "Lambda": run(trips, it["cpu_ms"], memory) + after["runs"] * run(2, it["cpu_ms"], 512),
        "DynamoDB": table(reads + after["reads"], writes + after["writes"]),
        # Sent, received, deleted
        "SQS": 3 * (after.get("jobs", 0) + after.get("mails", 0)) * PRICES["sqs"]["million_requests"] / 1e6,
        "SES": after.get("mails", 0) * PRICES["ses"]["million_mails"] / 1e6,
        "S3": (after.get("puts", 0) * PRICES["s3"]["million_puts"] + after.get("gets", 0) * PRICES["s3"]["million_gets"]) / 1e6,
        "CloudWatch logs": logged(1 + after["runs"], not it.get("socket")) * PRICES["logs"]["gb"],
    })


def month(costs: dict[str, Counter[str]]) -> Counter[str]:
    """Dollars of a thousand people and a month, by service."""
    person, days = USAGE["person"], USAGE["time"]["days_of_work"]
    total = idle()
    runs = requests = 0.0
    for name, cost in costs.items():
        it = USAGE["operation"][name]
        times = it["a_day"] * days * 1000
        runs += times * (1 + it["after"]["runs"])
        requests += times * (not it.get("socket"))
        for service, dollars in cost.items():
            total[service] += dollars * times
    total["WebSocket"] += person["connected_minutes_a_day"] * days * 1000 * PRICES["websocket"]["million_connected_minutes"] / 1e6
    kept = person["kept_in_table_mb"]
    total["DynamoDB storage and backup"] = kept * (PRICES["dynamodb"]["gb_month"] + PRICES["dynamodb"]["backup_gb_month"])
    total["S3"] += person["kept_in_bucket_gb"] * 1000 * PRICES["s3"]["gb_month"]
    total["CloudWatch logs"] += logged(runs, requests) * USAGE["time"]["log_months"] * PRICES["logs"]["gb_month"]
    hours = days * USAGE["time"]["hours_of_work"]
    metrics = USAGE["watching"]["metrics"] * hours / USAGE["time"]["hours_a_month"]
    # One a second, and of the others a twentieth
    traces = min(runs, hours * 3600) + 0.05 * max(0, runs - hours * 3600)
    more = watching(metrics, traces)
    for service in ("CloudWatch metrics", "X-Ray"):
        total[service] += more[service]
    total["Traffic to the internet"] = person["traffic_gb_a_month"] * 1000 * PRICES["traffic"]["gb"]
    return total


def idle() -> Counter[str]:
    """Dollars of a month in which nobody does anything, by service."""
    it = USAGE["idle"]
    prices = PRICES["lambda"]
    seconds = it["sweep_memory_mb"] / 1024 * it["sweep_ms"] / 1000
    return Counter({
        "Lambda": it["sweeps_a_month"] * (prices["million_requests"] / 1e6 + seconds * prices["gb_second"]),
        "DynamoDB": table(it["sweeps_a_month"] * it["sweep_reads"], 0),
        "SQS": it["queues"] * it["receives_a_queue"] * PRICES["sqs"]["million_requests"] / 1e6,
        "CloudWatch logs": logged(it["sweeps_a_month"], 0) * PRICES["logs"]["gb"],
    }) + watching(it["metrics"], it["sweeps_a_month"])


def main() -> None:
    rows = counted()
    costs = {name: operation(name, *rows[name]) for name in USAGE["operation"]}
    people, nothing = month(costs), idle()
    lines = [f"Dollars, {PRICES['region']}, list prices of {PRICES['known']}, not looked up since.", ""]
    lines += ["| a million times | API | Lambda | DynamoDB | the rest | together |", "|---|---|---|---|---|---|"]
    for name, cost in costs.items():
        parts = [cost["HTTP API"] + cost["WebSocket"], cost["Lambda"], cost["DynamoDB"]]
        parts += [cost.total() - sum(parts), cost.total()]
        lines.append(f"| {name} | " + " | ".join(f"{part * 1e6:.2f}" for part in parts) + " |")
    lines += ["", "| a month | 1,000 active people | nobody |", "|---|---|---|"]
    for service, dollars in people.most_common():
        lines.append(f"| {service} | {dollars:.2f} | {nothing[service]:.2f} |")
    lines.append(f"| together | {people.total():.2f} | {nothing.total():.2f} |")
    text = README.read_text()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{README} has no place for the tables")
    README.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n\n{END}{tail}")
    print("\n".join(lines))


main()
