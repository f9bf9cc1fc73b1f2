"""Uses the processor for ever."""
# option: --timeout 1
# expect: status=timeout error=TimeoutError exit=124 least=1 within=3 traceback~"busy.py.*line [78]"
# expect: stdout="begun\n"

print("begun")
while True:
    pass
