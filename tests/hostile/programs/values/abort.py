"""Aborts: that is a crash, and one that is told."""
# expect: status=crashed exit=137 error=SandboxTrap stdout="before\n"
import os

print("before", flush=True)
os.abort()
