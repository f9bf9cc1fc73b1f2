"""Sends itself SIGTERM: whatever the guest makes of that, its end is its own."""
# expect: status=error|crashed|ok absent=WorkerLost
import signal

if hasattr(signal, "SIGTERM"):
    signal.raise_signal(signal.SIGTERM)
