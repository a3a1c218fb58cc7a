#!/usr/bin/env python3
"""The stack of template.yaml in an AWS emulator, for the tests: make it, give it logs, see what comes out.

In: the endpoint in AWS_ENDPOINT_URL, which must be on this machine. Out: JSON on stdout; what goes on, on stderr.

    stack.py release INGEST_ZIP TRAILHOUND_ZIP   puts the zips of a release where a stack finds them
    stack.py create NAME TEMPLATE [PARAMETER=VALUE ...]    the outputs, when it is complete
    stack.py central BUCKET sns|eventbridge|none   a bucket that was there before us, and how it says what came; its topic
    stack.py direct BUCKET s3|sns|eventbridge STACK LAKE_URL   a function as that of a stack, which the news of a central
                                               bucket calls without a queue between; its name is BUCKET-ingest
    stack.py again BUCKET                      sets the notifications of a bucket once more; S3 then sends s3:TestEvent
    stack.py poll QUEUE_ARN on|off             whether Lambda takes messages off a queue
    stack.py subscribe TOPIC PROTOCOL ARN      a queue or a function to a topic
    stack.py patience QUEUE_URL SECONDS TIMES  how long a message that failed stays away, and how often it is given; as
                                               deployed, that is half an hour, and five times
    stack.py put BUCKET FOLDER [TIMES [FUNCTION]]   all files of a folder, so many times; keys are their paths in it. With a
                                               function that each of them calls, a few calls are under way, and no more
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
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config

RELEASE = "trailhound-release"
INGEST_KEY = "trailhound-ingest-lambda-x86_64.zip"
CREATED = ["s3:ObjectCreated:*"]


@cache
def client(service):
    """A client of the emulator; never of AWS."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    assert urlsplit(endpoint).hostname in ("127.0.0.1", "localhost"), f"AWS_ENDPOINT_URL={endpoint} is not this machine"
    session = botocore.session.get_session()
    session.set_credentials("test", "test")
    # A function runs while its invocation waits, and path style needs no names of buckets in DNS.
    config = Config(read_timeout=900, retries={"max_attempts": 1}, s3={"addressing_style": "path"})
    return session.create_client(service, region_name="us-east-1", endpoint_url=endpoint, config=config)


def release(ingest_zip, trailhound_zip):
    s3 = client("s3")
    s3.create_bucket(Bucket=RELEASE)
    for key, path in ((INGEST_KEY, ingest_zip), ("trailhound-lambda-x86_64.zip", trailhound_zip)):
        s3.put_object(Bucket=RELEASE, Key=key, Body=Path(path).read_bytes())


def create(name, template, *parameters):
    stacks = client("cloudformation")
    values = dict(parameter.split("=", 1) for parameter in parameters)
    values = {"ReleaseBucket": RELEASE, "Architecture": "x86_64", **values}
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
    client("s3").create_bucket(Bucket=bucket)
    topic = client("sns").create_topic(Name=f"{bucket}-logs")["TopicArn"]
    if kind == "sns":
        notify(bucket, {"TopicConfigurations": [{"TopicArn": topic, "Events": CREATED}]})
    elif kind == "eventbridge":
        notify(bucket, {"EventBridgeConfiguration": {}})
    return {"topic": topic}


def direct(bucket, kind, stack, lake):
    functions, name = client("lambda"), f"{bucket}-ingest"
    like = functions.get_function_configuration(FunctionName=f"{stack}-ingest")
    variables = {**like["Environment"]["Variables"], "TRAILHOUND_LAKE": lake}
    same = {key: like[key] for key in ("Runtime", "Handler", "Role", "Timeout", "MemorySize")}
    code = {"S3Bucket": RELEASE, "S3Key": INGEST_KEY}
    arn = functions.create_function(FunctionName=name, Code=code, Environment={"Variables": variables}, **same)["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    source = {
        "s3": f"arn:aws:s3:::{bucket}",
        "sns": f"arn:aws:sns:us-east-1:000000000000:{bucket}-logs",
        "eventbridge": f"arn:aws:events:us-east-1:000000000000:rule/{bucket}",
    }[kind]
    principal = {"eventbridge": "events"}.get(kind, kind) + ".amazonaws.com"
    call = {"Action": "lambda:InvokeFunction", "Principal": principal, "SourceArn": source}
    functions.add_permission(FunctionName=name, StatementId=kind, **call)
    if kind == "s3":
        notify(bucket, {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": CREATED}]})
    elif kind == "sns":
        subscribe(source, "lambda", arn)
    else:
        pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}}}
        client("events").put_rule(Name=bucket, EventPattern=json.dumps(pattern))
        client("events").put_targets(Rule=bucket, Targets=[{"Id": "function", "Arn": arn}])
    return {"LakeUrl": lake, "Function": name}


def notify(bucket, configuration):
    client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)


def again(bucket):
    configuration = client("s3").get_bucket_notification_configuration(Bucket=bucket)
    del configuration["ResponseMetadata"]
    notify(bucket, configuration)


def poll(queue_arn, switch):
    functions = client("lambda")
    for mapping in functions.list_event_source_mappings(EventSourceArn=queue_arn)["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=switch == "on")


def subscribe(topic, protocol, arn):
    client("sns").subscribe(TopicArn=topic, Protocol=protocol, Endpoint=arn)


def patience(queue, seconds, times):
    sqs = client("sqs")
    redrive = json.loads(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"])
    redrive["maxReceiveCount"] = int(times)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": seconds, "RedrivePolicy": json.dumps(redrive)})


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


def put(bucket, folder, times="1", function=None):
    s3, root, done = client("s3"), Path(folder), 0
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for path in files * int(times):
        s3.put_object(Bucket=bucket, Key=path.relative_to(root).as_posix(), Body=path.read_bytes())
        done += 1
        # Where no queue is between, each event has a process of its own, and AWS has more processors than this machine.
        while function and sum('"counters"' in line for line in lines(function)) < done - 3:
            time.sleep(0.05)
    return {"objects": len(files), "puts": done}


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
    print("".join(line.rstrip("\n") + "\n" for line in lines(function)), end="")


def lines(function):
    service = client("logs")
    try:
        events = service.filter_log_events(logGroupName=f"/aws/lambda/{function}").get("events", [])
    except service.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in events]


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
    every = (release, create, central, direct, again, poll, subscribe, patience, put, depth, receive, invoke, logs, policies, delete)
    verbs = {verb.__name__: verb for verb in every}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    result = verbs[sys.argv[1]](*sys.argv[2:])
    if result is not None:
        print(json.dumps(result))
