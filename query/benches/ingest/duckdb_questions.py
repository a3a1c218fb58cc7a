"""Questions to Parquet files, by DuckDB: the peer in the benchmark.

argv: a glob of Parquet files, or nothing; a file with a JSON list of statements; how often each is timed. Prints a JSON list
of [median milliseconds, answer as CSV]. The connection is open, and each statement was asked once before it is timed; with
no rounds, that once is its time.
"""

import csv
import io
import json
import statistics
import sys
import time

import duckdb

files, asked, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
db = duckdb.connect(config={"threads": 2})
db.execute("SET TimeZone = 'UTC'")
if files:
    db.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet('{files}')")


def ask(sql):
    began = time.perf_counter()
    rows = db.execute(sql).fetchall()
    return (time.perf_counter() - began) * 1e3, rows


answers = []
for sql in json.load(open(asked)):
    first, rows = ask(sql)
    times = [ask(sql)[0] for _ in range(rounds)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    answers.append([statistics.median(times) if times else first, out.getvalue()])
print(json.dumps(answers))
