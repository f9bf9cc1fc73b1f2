"""Sends itself signals that do not exist, and signal 0: the guest's libc calls what is no handler."""
# expect: status=ok|error|crashed absent=WorkerLost
import signal

for number in -1, 65, 1 << 20, 0:
    try:
        signal.raise_signal(number)
    except (OSError, ValueError):
        pass
