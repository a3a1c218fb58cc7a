#!/usr/bin/env python3
"""What a day costs, from what was measured and from public prices: the tables of the section "Cost" in README.md.

    cost.py            the tables
    cost.py --write    puts them into README.md, between the marks
    cost.py --check    whether README.md has them as they come out now

Whoever measures anew changes MEASURED; whoever has other prices, or another Region, changes PRICES.
"""

import sys
from pathlib import Path

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- cost: begin -->\n", "<!-- cost: end -->\n"

# name: (value, unit, where it comes from)
MEASURED = {
    "cpu_ingest": (5.2, "CPU-s per million events", "ingest/README.md, one worker at its quietest"),
    "cpu_detect": (5.6, "CPU-s per million events", "the benchmark of rules in a quiet hour (0.56 for none, 6.4 for the pack), less a run; every crate optimised"),
    "cpu_detect_run": (0.8, "CPU-s per run", "`trailhound detect`, all rules of the pack over 12,569 new events; every crate optimised"),
    "cpu_compact": (9.2, "CPU-s per million events", "ingest/README.md, each event once"),
    "rewrites": (2.0, "times that an event is merged", "assumed: four runs a day, files below half the target again"),
    "events_per_object": (134, "events per log object", "the million events of the benchmark: 7,448 files"),
    "gets_per_object": (1, "GET per log object", "the fetch; a log object is read once"),
    "puts_per_commit": (4, "PUT per commit", "assumed: data, logfiles, log entry, a part of a checkpoint"),
    "gets_per_commit": (3, "GET per commit", "assumed: the end of the log"),
    "overlap": (15, "minutes of other commits that hold the same times", "assumed: CloudTrail delivers for so long"),
    "gets_per_neighbour": (3, "GET per commit for each file of those", "assumed: footer, bloom filter, a page, to find duplicates"),
    "lists_per_commit": (1, "LIST per commit", "assumed: is there a newer version"),
    "objects_per_commit": (1000, "log objects per commit at most", "BatchSize"),
    "window": (60, "s until a batch goes that is not full", "BatchWindowSeconds"),
    "wait_per_commit": (1.0, "s of waiting per commit", "assumed: S3 answers in 30 to 100 ms, many at a time"),
    "gz_per_million": (0.130, "GB of log objects per million events", "the benchmark"),
    "json_per_million": (1.42, "GB of JSON per million events", "the benchmark"),
    "lake_per_million": (0.092, "GB of lake per million events", "the benchmark, merged"),
}
M = {name: value for name, (value, _, _) in MEASURED.items()}

# us-east-1, on demand, without free tiers, in USD.
PRICES = {
    "lambda_gb_s": (0.0000133334, "Lambda, arm64, a GB-second"),
    "lambda_request": (0.20e-6, "Lambda, a request"),
    "lambda_gb": (1.769, "GB that come with one processor"),
    "fargate_hour": (0.03238 + 2 * 0.00356, "Fargate, arm64, an hour of 1 processor and 2 GB"),
    "get": (0.0004e-3, "S3 Standard, a GET"),
    "put": (0.005e-3, "S3 Standard, a PUT or LIST"),
    "sqs": (0.40e-6, "SQS, a request"),
    "eventbridge": (1.00e-6, "EventBridge, an S3 event (opt-in)"),
    "kms": (0.03e-4, "KMS, a request"),
    "metric_month": (0.30, "CloudWatch, a metric, a month"),
    "alarm_month": (0.10, "CloudWatch, an alarm, a month"),
    "key_month": (1.00, "KMS, a key, a month"),
    "s3_gb_month": (0.023, "S3 Standard, a GB, a month"),
    "lake_one_year": (0.75, "CloudTrail Lake, a GB into one-year extendable retention"),
    "lake_scan": (0.005, "CloudTrail Lake, a GB scanned"),
    "athena_tb": (5.00, "Athena, a TB scanned"),
}
P = {name: price for name, (price, _) in PRICES.items()}

# CloudTrail Lake with seven years of retention: by what a month brings, in TB and USD a GB.
SEVEN_YEARS = [(5, 2.50), (20, 1.00), (float("inf"), 0.50)]

DAY = 86_400
DETECT_RUNS = DAY // 300
NEIGHBOURS = 4  # of a commit of a batch, which takes objects in the order of their times
METRICS = 20  # of three verbs
ALARMS = 11


def function_time(seconds):
    """What so many seconds of one processor cost in a function."""
    return seconds * P["lambda_gb"] * P["lambda_gb_s"]


def queue_way(millions, per_object):
    """A day by the queue: (what, USD) for each part."""
    objects = millions * 1e6 / per_object
    full = objects / M["objects_per_commit"]
    # Batches are full, or as many as there are windows, or as there are objects.
    commits = max(full, min(objects, DAY / M["window"]))
    ingest_seconds = millions * M["cpu_ingest"] + commits * M["wait_per_commit"]
    # A message is sent alone, and received and deleted ten at a time.
    messages = objects * (1 + 2 / 10)
    return [("read the logs", objects * M["gets_per_object"] * P["get"]), ("notifications and queue", messages * P["sqs"]),
            ("ingest", function_time(ingest_seconds) + commits * P["lambda_request"]), *lake_parts(millions, commits, commits / (24 * 60) * M["overlap"])]


def batch_way(millions, per_object, prefixes, runs):
    """A day by a task that lists the bucket so many times: prefixes are accounts times Regions."""
    objects = millions * 1e6 / per_object
    commits = max(objects / M["objects_per_commit"], runs)
    # Each run asks for the Regions of each account, and pages through what yesterday and today brought so far.
    lists = runs * (prefixes * 18 / 17 + 1.5 * objects / 1000)
    hours = (millions * M["cpu_ingest"] + commits * M["wait_per_commit"] + lists / 100) / 3600
    return [("read the logs", objects * M["gets_per_object"] * P["get"]), ("list the logs", lists * P["put"]),
            ("ingest", hours * P["fargate_hour"]), *lake_parts(millions, commits, NEIGHBOURS)]


def lake_parts(millions, commits, neighbours):
    """What both ways do with the lake; a commit looks for duplicates in its neighbours."""
    gets = M["gets_per_commit"] + neighbours * M["gets_per_neighbour"]
    commit = (M["puts_per_commit"] + M["lists_per_commit"]) * P["put"] + gets * P["get"]
    detect = DETECT_RUNS * M["cpu_detect_run"] + millions * M["cpu_detect"]
    # A run reads the log, each new file in a few pieces, and writes a commit.
    detect_requests = DETECT_RUNS * (4 * P["put"] + 10 * P["get"]) + commits * 5 * P["get"]
    compact = millions * M["cpu_compact"] * M["rewrites"]
    compact_requests = commits * M["rewrites"] * 10 * P["get"]
    return [("commits", commits * commit), ("detect", function_time(detect) + detect_requests),
            ("compact", function_time(compact) + compact_requests)]


def fixed():
    """What is there on a day without events."""
    return (METRICS * P["metric_month"] + ALARMS * P["alarm_month"] + P["key_month"]) / 30


def seven_years(millions):
    """A day in CloudTrail Lake with seven years of retention."""
    left, cost = millions * M["json_per_million"] * 30, 0.0
    for step, price in SEVEN_YEARS:
        here = min(left, step * 1000)
        cost, left = cost + here * price, left - here
    return cost / 30


def athena(millions, per_object):
    """One query over a day of raw log objects."""
    return millions * M["gz_per_million"] / 1000 * P["athena_tb"] + millions * 1e6 / per_object * P["get"]


def usd(amount):
    if amount < 0.0005:
        return "0"
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.2f}" if amount >= 0.1 else f"{amount:.3f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


SIZES = [(1, "1 M"), (10, "10 M"), (1000, "1 B")]


def way_table(way):
    """A row for each part of a way, a column for each size."""
    days = [way(millions) for millions, _ in SIZES]
    rows = [[name, *(usd(day[index][1]) for day in days)] for index, (name, _) in enumerate(days[0])]
    rows.append(["**compute and requests**", *(f"**{usd(sum(cost for _, cost in day))}**" for day in days)])
    rows.append(["metrics, alarms, key", *(usd(fixed()) for _ in SIZES)])
    rows.append(["a month of a day in the lake", *(usd(m * M["lake_per_million"] * P["s3_gb_month"]) for m, _ in SIZES)])
    return table(["USD a day, events a day:", *(name for _, name in SIZES)], rows)


def tables():
    mean = M["events_per_object"]
    total = lambda parts: sum(cost for _, cost in parts)
    measured = table(["number", "unit", "from"], [[f"{value:g}", unit, source] for value, unit, source in MEASURED.values()])
    prices = table(["USD", "for"], [[f"{price:.10f}".rstrip("0").rstrip("."), what] for price, what in PRICES.values()])
    prefixes = {1: 10 * 17, 10: 100 * 17, 1000: 1000 * 17}
    sizes = [[f"{count}", *(usd(total(way(1000, count))) for way in (
        queue_way, lambda m, c: batch_way(m, c, prefixes[1000], 24), lambda m, c: batch_way(m, c, prefixes[1000], 6)))]
        for count in (mean, 200, 400, 1000)]
    beside = [
        ["Trailhound by the queue", *(usd(total(queue_way(m, mean))) for m, _ in SIZES)],
        ["Trailhound by a batch every four hours", *(usd(total(batch_way(m, mean, prefixes[m], 6))) for m, _ in SIZES)],
        ["CloudTrail Lake, one year included: to take it in", *(usd(m * M["json_per_million"] * P["lake_one_year"]) for m, _ in SIZES)],
        ["CloudTrail Lake, seven years included: to take it in", *(usd(seven_years(m)) for m, _ in SIZES)],
        ["Athena over the raw files: to take it in", *("0" for _ in SIZES)],
        ["one Athena query over one day of them", *(usd(athena(m, mean)) for m, _ in SIZES)],
        ["25 rules every five minutes over that day in Athena, in one query each time", *(usd(DETECT_RUNS / 2 * athena(m, mean)) for m, _ in SIZES)],
    ]
    per_object = P["get"] + 1.2 * P["sqs"]
    decrypt = 1e9 / mean * P["kms"]
    return "\n".join([
        "What was measured, and what is assumed until it is:\n", measured,
        "By the queue (functions; `events_per_object` as above):\n", way_table(lambda m: queue_way(m, mean)),
        "By a task that lists the bucket every four hours (10, 100 and 1,000 accounts in 17 Regions):\n",
        way_table(lambda m: batch_way(m, mean, prefixes[m], 6)),
        f"At a billion a day the CPU is the small part: each log object costs {per_object * 1e6:.2f} USD a million in GET and\n"
        "queue before anything is done with it. So what decides is how many events an object holds:\n",
        table(["events per object, 1 B a day", "queue, USD a day", "batch every hour", "batch every four hours"], sizes),
        "Beside others, USD a day:\n", table(["", *(name for _, name in SIZES)], beside),
        f"With SSE-KMS and no S3 Bucket Key on the logs, each GET is a request to KMS as well: {usd(decrypt)} USD a day at a\n"
        f"billion events. By EventBridge each object costs {usd(P['eventbridge'] * 1e6)} USD a million besides.\n",
        "Prices that went in:\n", prices,
    ])


def main(arguments):
    text = tables()
    if not arguments:
        print(text, end="")
        return 0
    readme = README.read_text()
    before, after = readme.split(BEGIN)[0], readme.split(END)[1]
    new = before + BEGIN + "\n" + text + "\n" + END + after
    if arguments == ["--write"]:
        README.write_text(new)
        return 0
    if new != readme:
        print("the cost tables of deploy/README.md are not those of deploy/cost.py\nhint: deploy/cost.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
