"""Prints without an end."""
# expect: status=output_limit exit=125 truncated=stdout within=6
while True:
    print("x" * 1000)
