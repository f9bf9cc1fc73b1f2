"""What tests of gRPC services share."""

import os
import sys

import grpc

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]


def same(data):
    return data


def refused(call, *args, **options):
    """The status and the text of a call that fails."""
    try:
        answer = call(*args, **options)
        if hasattr(answer, "__next__"):
            list(answer)
    except grpc.RpcError as error:
        return error.code(), error.details()
    raise AssertionError(f"it was not refused: {answer!r:.200}")
