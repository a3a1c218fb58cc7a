#!/usr/bin/env python3
"""The roles of template.yaml in an emulator that enforces policies: what each may do, and what it may not.

`tests/iam` runs all of it. In: the endpoint in AWS_ENDPOINT_URL, on this machine, of `localemu` with IAM_ENFORCEMENT=1 and ROOT_ACCESS_KEYS=ROOTKEY;
what `stack.py create` and `stack.py policies` printed. The stack itself is made elsewhere, since this emulator runs no
functions; here its buckets, queue, topic and roles are made with the same names and the same policies.

    iam.py setup OUTPUTS POLICIES LOGS_BUCKET     makes them
    iam.py matrix OUTPUTS LOGS_BUCKET             tries each action as each role; a line for each surprise, and exit code 1
    iam.py announce OUTPUTS LOGS_BUCKET FOLDER    puts logs, and tells the queue as S3 would; prints the URL of the queue
    iam.py waiting QUEUE_URL                      how many messages are left in it
    iam.py credentials ROLE                       variables for a process that is to run as IngestRole, DetectRole, ...
    iam.py take ROLE ACTION POLICIES              takes a permission away from a role, for a test that must fail then

Encryption with keys is left out (LakeEncryption=AES256): what S3 asks of KMS for a role, emulators do not do.
"""

import json
import os
import sys
from pathlib import Path
from urllib.parse import quote_plus, urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
ROLES = ("IngestRole", "DetectRole", "CompactRole", "VacuumRole")
I, D, C, V = ROLES


def client(service, credentials=("ROOTKEY", "x", None)):
    """A client of the emulator with the rights of a role, or all."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    assert urlsplit(endpoint).hostname in ("127.0.0.1", "localhost"), f"AWS_ENDPOINT_URL={endpoint} is not this machine"
    session = botocore.session.get_session()
    session.set_credentials(*credentials)
    config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
    return session.create_client(service, region_name="us-east-1", endpoint_url=endpoint, config=config)


def load(path):
    with open(path) as file:
        return json.load(file)


def setup(outputs, policies, logs_bucket):
    outputs, policies, s3, iam = load(outputs), load(policies), client("s3"), client("iam")
    for bucket in (outputs["LakeBucket"], logs_bucket):
        s3.create_bucket(Bucket=bucket)
    client("sqs").create_queue(QueueName=outputs["QueueArn"].rsplit(":", 1)[1])
    client("sns").create_topic(Name=outputs["FindingsTopicArn"].rsplit(":", 1)[1])
    for role in ROLES:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
        write(iam, role, policies[role])


def announce(outputs, logs_bucket, folder):
    s3, sqs = client("s3"), client("sqs")
    queue = queue_url(load(outputs))
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        key, body = path.relative_to(folder).as_posix(), path.read_bytes()
        etag = s3.put_object(Bucket=logs_bucket, Key=key, Body=body)["ETag"].strip('"')
        told = {"bucket": {"name": logs_bucket}, "object": {"key": quote_plus(key, safe="/"), "size": len(body), "eTag": etag}}
        record = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": told}
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"Records": [record]}))
    print(queue)


def queue_url(outputs):
    return client("sqs").get_queue_url(QueueName=outputs["QueueArn"].rsplit(":", 1)[1])["QueueUrl"]


def waiting(queue):
    """Prints how many messages wait, or are being worked on."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    numbers = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    print(sum(int(numbers[name]) for name in names))


def write(iam, role, documents):
    statements = [statement for document in documents for statement in document["Statement"]]
    document = {"Version": "2012-10-17", "Statement": statements}
    iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=json.dumps(document))


def take(role, action, policies):
    documents = load(policies)[role]
    for statement in (statement for document in documents for statement in document["Statement"]):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        # A statement without actions is none, so another one stands in.
        statement["Action"] = [one for one in actions if one != action] or ["sts:GetCallerIdentity"]
    write(client("iam"), role, documents)


def assumed(role):
    answer = client("sts").assume_role(RoleArn=f"arn:aws:iam::000000000000:role/{role}", RoleSessionName="test")["Credentials"]
    return answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]


def credentials(role):
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    print("\n".join(f"{name}={value}" for name, value in zip(names, assumed(role))))


def attempts(outputs, logs):
    """What is tried: its name, how, and the roles that may."""
    lake, prefix = outputs["LakeUrl"].removeprefix("s3://").split("/", 1)
    queue = queue_url(outputs)
    put = lambda bucket, key: lambda role: role("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    get = lambda bucket, key: lambda role: role("s3").get_object(Bucket=bucket, Key=key)
    root = client("s3")
    root.put_object(Bucket=lake, Key=f"{prefix}/events/x", Body=b"x")
    root.put_object(Bucket=logs, Key="AWSLogs/x", Body=b"x")
    root.put_object(Bucket=logs, Key="other/x", Body=b"x")
    data = [(f"write {table}", put(lake, f"{prefix}/{table}/part"), {I, C} | ({V} if table == "logfiles" else set()))
            for table in ("events", "aggregated", "logfiles", "quarantine")]
    detected = {"findings": {D}, "notifications": {D}, "activity_hourly": {D, C}, "baselines": {D, C}}
    mine = [(f"write {table}", put(lake, f"{prefix}/{table}/part"), roles) for table, roles in detected.items()]
    first = [(f"make {table}", put(lake, f"{prefix}/{table}/_delta_log/{0:020}.json"), roles | {I}) for table, roles in detected.items()]
    return [
        *data, *mine, *first,
        ("write beside the lake", put(lake, "other"), set()),
        ("list the lake", lambda role: role("s3").list_objects_v2(Bucket=lake), set(ROLES)),
        ("read the lake", get(lake, f"{prefix}/events/x"), set(ROLES)),
        ("delete from the lake", lambda role: role("s3").delete_object(Bucket=lake, Key=f"{prefix}/events/none"), {V}),
        ("change the bucket", lambda role: role("s3").put_bucket_versioning(Bucket=lake, VersioningConfiguration={"Status": "Suspended"}), set()),
        ("read a log", get(logs, "AWSLogs/x"), {I}),
        ("read what is no log", get(logs, "other/x"), set()),
        ("write a log", put(logs, "AWSLogs/y"), set()),
        ("list the logs", lambda role: role("s3").list_objects_v2(Bucket=logs), set()),
        ("receive", lambda role: role("sqs").receive_message(QueueUrl=queue), {I}),
        ("send", lambda role: role("sqs").send_message(QueueUrl=queue, MessageBody="x"), set()),
        ("publish", lambda role: role("sns").publish(TopicArn=outputs["FindingsTopicArn"], Message="x"), {D}),
    ]


def matrix(outputs, logs_bucket):
    surprises, tried = 0, 0
    clients = {role: {service: client(service, assumed(role)) for service in ("s3", "sqs", "sns")} for role in ROLES}
    for name, attempt, may in attempts(load(outputs), logs_bucket):
        for role in ROLES:
            tried += 1
            try:
                attempt(clients[role].__getitem__)
                allowed, why = True, ""
            except ClientError as error:
                assert "Denied" in error.response["Error"]["Code"] or "Authoriz" in error.response["Error"]["Code"], error
                allowed, why = False, str(error)
            if allowed != (role in may):
                surprises += 1
                print(f"{role} {'may' if allowed else 'may not'} {name} {why}")
    # What was written is no lake, and whoever opens it next would trip over it.
    for bucket in (load(outputs)["LakeBucket"], logs_bucket):
        empty(bucket)
    print(f"{tried} tried, {surprises} surprises", file=sys.stderr)
    return 1 if surprises else 0


def empty(bucket):
    s3 = client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


if __name__ == "__main__":
    verbs = {verb.__name__: verb for verb in (setup, matrix, announce, waiting, credentials, take)}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    sys.exit(verbs[sys.argv[1]](*sys.argv[2:]))
