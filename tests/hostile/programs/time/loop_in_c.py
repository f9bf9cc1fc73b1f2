"""A loop in C that looks for no signals."""
# option: --timeout 1
# expect: status=timeout exit=124 least=1.9 within=3 absent=DONE stdout="begun\n"
print("begun")
sum(range(10**12))
print("DONE")
