"""Opens a lake as strangers do: counts the rows of each table with deltalake and with polars, prints one JSON object.

usage: read_lake.py LAKE TABLE...
"""
import json
import sys

import polars
from deltalake import DeltaTable

lake, tables = sys.argv[1], sys.argv[2:]
counts = {}
for name in tables:
    path = f"{lake}/{name}"
    table = DeltaTable(path)
    assert table.protocol().min_writer_version == 2 and table.protocol().min_reader_version == 1, name
    log_rows = sum(table.get_add_actions(flatten=True).column("num_records").to_pylist())
    counts[name] = {
        "statistics": log_rows,
        "polars": polars.scan_delta(path).select(polars.len()).collect().item(),
    }
print(json.dumps(counts))
