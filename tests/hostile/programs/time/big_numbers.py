"""Numbers that take for ever to compute."""
# option: --timeout 1
# expect: status=timeout error=TimeoutError exit=124 least=1 within=3 absent=DONE
# expect: traceback~"9\\*\\*9"
9**9**9
print("DONE")
