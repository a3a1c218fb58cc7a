#!/usr/bin/env python3
"""The stack of template.yaml in an AWS emulator, for the tests: make it, give it logs, see what comes out.

In: the endpoint in AWS_ENDPOINT_URL, which must be on this machine. Out: JSON on stdout; what goes on, on stderr.

    stack.py create NAME TEMPLATE INGEST_ZIP TRAILHOUND_ZIP [PARAMETER=VALUE ...]   the outputs, when it is complete
    stack.py central BUCKET sns|eventbridge    a bucket that was there before us, and how it says what came
    stack.py patience QUEUE_URL SECONDS        how long a message that failed stays away, which is half an hour as deployed
    stack.py put BUCKET FOLDER [TIMES]         all files of a folder, each so many times; keys are their paths in it
    stack.py depth QUEUE_URL                   messages that wait, and that are being worked on
    stack.py receive QUEUE_URL SECONDS [LEAST] messages, taken off the queue, one a line; waits until LEAST are there
    stack.py invoke FUNCTION [EVENT]           what a function answers
    stack.py logs FUNCTION                     what a function said
    stack.py policies NAME                     the policy documents of each role of a stack, by the name in the template
    stack.py delete NAME
"""

import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config

RELEASE = "trailhound-release"


def client(service):
    """A client of the emulator; never of AWS."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    assert urlsplit(endpoint).hostname in ("127.0.0.1", "localhost"), f"AWS_ENDPOINT_URL={endpoint} is not this machine"
    session = botocore.session.get_session()
    session.set_credentials("test", "test")
    # A function runs while its invocation waits, and path style needs no names of buckets in DNS.
    config = Config(read_timeout=900, retries={"max_attempts": 1}, s3={"addressing_style": "path"})
    return session.create_client(service, region_name="us-east-1", endpoint_url=endpoint, config=config)


def create(name, template, ingest_zip, trailhound_zip, *parameters):
    s3, stacks = client("s3"), client("cloudformation")
    s3.create_bucket(Bucket=RELEASE)
    values = dict(parameter.split("=", 1) for parameter in parameters)
    values = {"ReleaseBucket": RELEASE, "Architecture": "x86_64", **values}
    for kind, path in (("trailhound-ingest-lambda", ingest_zip), ("trailhound-lambda", trailhound_zip)):
        key = f"{values.get('ReleasePrefix', '')}{kind}-{values['Architecture']}.zip"
        s3.put_object(Bucket=RELEASE, Key=key, Body=Path(path).read_bytes())
    stacks.create_stack(
        StackName=name,
        TemplateBody=Path(template).read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    outputs = settled(stacks, name)
    number_concurrency()
    return outputs


def central(bucket, kind):
    s3, topics = client("s3"), client("sns")
    s3.create_bucket(Bucket=bucket)
    topic = topics.create_topic(Name=f"{bucket}-logs")["TopicArn"]
    to_topic = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}
    notification = {"sns": to_topic, "eventbridge": {"EventBridgeConfiguration": {}}}[kind]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notification)
    return {"topic": topic}


def patience(queue, seconds):
    client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": seconds})


def number_concurrency():
    """Makes a number of MaximumConcurrency, which the emulator keeps as the text of the parameter and cannot compare."""
    functions = client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        concurrency = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        if concurrency is not None:
            scaling = {"MaximumConcurrency": int(concurrency)}
            functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=scaling)


def settled(stacks, name):
    """The outputs of a stack that is complete; an error with the reasons of one that is not."""
    for _ in range(240):
        stack = stacks.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.5)
    resources = stacks.describe_stack_resources(StackName=name)["StackResources"]
    print(f"{stack['StackStatus']}: {len(resources)} resources", file=sys.stderr)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        bad = [f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}" for one in resources
               if one["ResourceStatus"] != "CREATE_COMPLETE"]
        sys.exit("\n".join([stack.get("StackStatusReason", ""), *bad]))
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def put(bucket, folder, times="1"):
    s3, root = client("s3"), Path(folder)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for path in files:
        for _ in range(int(times)):
            s3.put_object(Bucket=bucket, Key=path.relative_to(root).as_posix(), Body=path.read_bytes())
    return {"objects": len(files), "puts": len(files) * int(times)}


def depth(queue):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    numbers = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return {"waiting": int(numbers[names[0]]), "in_flight": int(numbers[names[1]])}


def receive(queue, seconds, least="1"):
    sqs, until, count = client("sqs"), time.monotonic() + float(seconds), 0
    while time.monotonic() < until and count < int(least):
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            print(json.dumps({"body": message["Body"], "attributes": message.get("MessageAttributes", {})}))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            count += 1


def invoke(function, event="{}"):
    answer = client("lambda").invoke(FunctionName=function, Payload=event)
    return {"error": answer.get("FunctionError"), "answer": json.loads(answer["Payload"].read() or "null")}


def logs(function):
    events = client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}").get("events", [])
    print("".join(event["message"].rstrip("\n") + "\n" for event in events), end="")


def policies(name):
    iam, found = client("iam"), {}
    for one in client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]:
        if one["ResourceType"] != "AWS::IAM::Role":
            continue
        role, documents = one["PhysicalResourceId"], []
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            documents.append(iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"])
        for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = policy["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            documents.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
        found[one["LogicalResourceId"]] = [json.loads(text) if isinstance(text, str) else text for text in documents]
    return found


def delete(name):
    client("cloudformation").delete_stack(StackName=name)


if __name__ == "__main__":
    verbs = {verb.__name__: verb for verb in (create, central, patience, put, depth, receive, invoke, logs, policies, delete)}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    result = verbs[sys.argv[1]](*sys.argv[2:])
    if result is not None:
        print(json.dumps(result))
