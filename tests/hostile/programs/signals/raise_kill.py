"""Sends itself SIGKILL: whatever the guest makes of that, its end is its own."""
# expect: status=error|crashed|ok absent=WorkerLost
import signal

if hasattr(signal, "SIGKILL"):
    signal.raise_signal(signal.SIGKILL)
