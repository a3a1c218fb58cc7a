#!/usr/bin/env python3
"""The schema of the AWS provider, for `terraform validate` and `terraform test` where no provider registry is reached.

In: the unpacked npm package @cdktf/provider-aws, whose source maps hold each attribute of the provider, and a folder
of .tf files. Out: a server of the plugin protocol (version 5) on 127.0.0.1 that answers with the schema of the types
which the files use, and runs the command behind `--` with TF_REATTACH_PROVIDERS set.

It knows names, types and nesting. It does not know which values the provider takes, and it never talks to AWS, so
`plan` and `apply` work with `mock_provider` only.

    provider.py PACKAGE FOLDER -- terraform -chdir=FOLDER validate
"""

import base64
import json
import os
import re
import subprocess
import sys
from concurrent import futures
from pathlib import Path

import grpc

SIMPLE = {"String": "string", "Number": "number", "Boolean": "bool", "StringMap": ["map", "string"],
          "List": ["list", "string"], "NumberList": ["list", "number"], "BooleanMap": ["map", "bool"],
          "NumberMap": ["map", "number"], "Any": "dynamic"}
MEMBER = re.compile(r"^  // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n(.*?)(?=^  // \w+ - computed|\Z)", re.M | re.S)
CLASS = re.compile(r"^export class (\w+) extends cdktf\.\w+ \{\n(.*?)^\}", re.M | re.S)
NESTED = re.compile(r'new (\w+?)(OutputReference|List|Map)\(this, "\w+"(?:, (true|false))?\)')
USES = re.compile(r'^\s*(resource|data)\s+"(aws_\w+)"', re.M)


def source(package, kind, name):
    """The TypeScript that a type of the provider was generated to."""
    folder = ("data-" + name if kind == "data" else name.removeprefix("aws_")).replace("_", "-")
    text = (package / "lib" / folder / "index.js").read_text()
    encoded = re.search(r"sourceMappingURL=data:application/json;base64,(\S+)", text)[1]
    return "\n".join(json.loads(base64.b64decode(encoded))["sourcesContent"])


def members(classes, blocks, name):
    """The attributes and the nested blocks of a class."""
    attributes, nested = [], []
    for member, computed, optional, required, body in MEMBER.findall(classes[name]):
        flags = [required == "true", optional == "true", computed == "true"]
        inner = NESTED.search(body)
        if inner is None:
            getter = re.search(r"get(\w+?)Attribute\(", body)
            kind = SIMPLE.get(getter[1], "dynamic") if getter else "dynamic"
            if kind[0] == "list" and "Fn.tolist(" in body:
                kind = ["set", kind[1]]
            attributes.append((member, kind, flags))
        elif blocks.get(member, optional == "true" or required == "true"):
            mode = "set" if inner[3] == "true" else "list"
            mode = "single" if member == "timeouts" else mode
            one = inner[2] == "OutputReference" and mode != "single"
            nested.append((member, mode, required == "true", one, inner[1] + "OutputReference"))
        else:
            attributes.append((member, [("set" if inner[3] == "true" else "list"), value(classes, inner[1] + "OutputReference")], flags))
    return attributes, nested


def value(classes, name):
    """The type of a computed object."""
    attributes, nested = members(classes, {}, name)
    fields = {field: kind for field, kind, _ in attributes}
    return ["object", fields | {field: [mode, value(classes, inner)] for field, mode, _, _, inner in nested}]


# The wire format of protocol buffers, as far as a schema needs it.
def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, content):
    if isinstance(content, (bool, int)):
        return varint(number << 3) + varint(int(content)) if content else b""
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def block(classes, blocks, name):
    """A message `Schema.Block`."""
    attributes, nested = members(classes, blocks, name)
    out = b""
    for member, kind, (required, optional, computed) in attributes:
        flags = field(4, required) + field(5, optional) + field(6, computed)
        out += field(2, field(1, member) + field(2, json.dumps(kind)) + flags)
    for member, mode, required, one, inner in nested:
        nesting = {"single": 1, "list": 2, "set": 3}[mode]
        limits = field(4, required and mode != "single") + field(5, one)
        out += field(3, field(1, member) + field(2, block(classes, {}, inner)) + field(3, nesting) + limits)
    return out


def schema(package, kind, name):
    """A message `Schema`."""
    text = source(package, kind, name)
    classes = dict(CLASS.findall(text))
    main = re.search(r"^export class (\w+) extends cdktf\.Terraform(?:Resource|DataSource)", text, re.M)[1]
    hcl = text[text.rfind("synthesizeHclAttributes"):]
    blocks = {member: is_block == "true" for member, is_block in re.findall(r"^      (\w+): \{\n.*\n        isBlock: (\w+),", hcl, re.M)}
    return field(2, block(classes, blocks, main))


def provider_schema(package, folder):
    """A message `GetProviderSchema.Response`."""
    used = sorted({use for file in folder.rglob("*.tf") for use in USES.findall(file.read_text())})
    out = field(1, field(2, field(2, field(1, "region") + field(2, '"string"') + field(5, True))))
    for kind, name in used:
        out += field(3 if kind == "data" else 2, field(1, name) + field(2, schema(package, kind, name)))
    return out


class Provider(grpc.GenericRpcHandler):
    """Answers what `validate` and mocked runs ask."""

    def __init__(self, answer):
        self.answer = answer

    def service(self, call):
        method = call.method.rsplit("/", 1)[1]
        if not call.method.startswith("/tfplugin5.Provider/"):
            return None
        if method == "GetSchema":
            reply = self.answer
        elif method.startswith("Validate") or method in ("Configure", "Stop"):
            reply = b""
        elif method == "PrepareProviderConfig":
            reply = None  # the answer has the form of the question
        else:
            return None
        return grpc.unary_unary_rpc_method_handler(lambda asked, _: asked if reply is None else reply)


def main():
    package, folder, dashes, *command = sys.argv[1:]
    assert dashes == "--" and command, __doc__
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers([Provider(provider_schema(Path(package), Path(folder)))])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    reattach = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": os.getpid(), "Test": True,
                "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"}}
    variables = {"TF_REATTACH_PROVIDERS": json.dumps({"registry.terraform.io/hashicorp/aws": reattach})}
    code = subprocess.run(command, env=os.environ | variables).returncode
    server.stop(None)
    return code


if __name__ == "__main__":
    sys.exit(main())
