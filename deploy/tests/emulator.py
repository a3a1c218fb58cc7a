#!/usr/bin/env python3
"""The AWS emulator `ministack`, with batches as large as Lambda makes them.

By itself it hands a function ten messages of a queue at most, whatever the event source mapping says; Lambda hands over as
many as BatchSize says. Thousands of objects are thousands of commits otherwise, which no stack of ours would make.
It listens where BIND_HOST and GATEWAY_PORT say.
"""

from ministack.app import main
from ministack.services import sqs

ten_at_most = sqs._receive_messages_for_esm


def receive(queue, most):
    batch = []
    while len(batch) < int(most):
        some = ten_at_most(queue, int(most) - len(batch))
        if not some:
            break
        batch += some
    return batch


if __name__ == "__main__":
    sqs._receive_messages_for_esm = receive
    main()
