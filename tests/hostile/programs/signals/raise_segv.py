"""Sends itself SIGSEGV: whatever the guest makes of that, its end is its own."""
# expect: status=error|crashed|ok absent=WorkerLost
import signal

if hasattr(signal, "SIGSEGV"):
    signal.raise_signal(signal.SIGSEGV)
