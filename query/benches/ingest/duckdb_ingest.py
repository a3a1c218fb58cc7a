"""CloudTrail log files -> one Parquet file, by DuckDB: the peer in the benchmark.

The one obvious statement, untuned: records unnested, open objects kept as JSON, zstd, no order, no bloom filters of its
own choosing, no hash of the files, no duplicates removed.
"""

import sys

import duckdb

COLUMNS = {
    "eventVersion": "VARCHAR", "eventTime": "TIMESTAMP", "eventSource": "VARCHAR", "eventName": "VARCHAR",
    "awsRegion": "VARCHAR", "sourceIPAddress": "VARCHAR", "userAgent": "VARCHAR", "errorCode": "VARCHAR",
    "errorMessage": "VARCHAR", "requestParameters": "JSON", "responseElements": "JSON",
    "additionalEventData": "JSON", "requestID": "VARCHAR", "eventID": "VARCHAR", "readOnly": "BOOLEAN",
    "resources": "JSON", "eventType": "VARCHAR", "apiVersion": "VARCHAR", "managementEvent": "BOOLEAN",
    "recipientAccountId": "VARCHAR", "sharedEventID": "VARCHAR", "vpcEndpointId": "VARCHAR",
    "eventCategory": "VARCHAR", "serviceEventDetails": "JSON", "tlsDetails": "JSON",
    "sessionCredentialFromConsole": "VARCHAR",
    "userIdentity": """STRUCT("type" VARCHAR, principalId VARCHAR, arn VARCHAR, accountId VARCHAR,
        accessKeyId VARCHAR, userName VARCHAR, invokedBy VARCHAR, identityProvider VARCHAR,
        sessionContext STRUCT(attributes STRUCT(creationDate VARCHAR, mfaAuthenticated VARCHAR),
        sessionIssuer STRUCT("type" VARCHAR, principalId VARCHAR, arn VARCHAR, accountId VARCHAR, userName VARCHAR)))""",
}


def main(logs: str, out: str) -> None:
    record = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    db = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    db.execute(
        f"""COPY (SELECT r.* FROM (SELECT unnest(Records) AS r FROM read_json('{logs}/**/*.json.gz',
        columns = {{Records: 'STRUCT({record})[]'}}, maximum_object_size = 268435456)))
        TO '{out}' (FORMAT parquet, COMPRESSION zstd)"""
    )


main(*sys.argv[1:])
