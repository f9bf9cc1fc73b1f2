"""Memory that grows until the limit and is not caught: that is reported, with the limit."""
# option: --memory 64
# expect: status=memory_limit error=MemoryError exit=137 stdout="begun\n" value~64
print("begun")
kept = []
while True:
    kept.append(bytes(1 << 16))
