"""Displays without an end: small ones first, so that their number is what counts, then large ones."""
# expect: status=output_limit exit=125 outputs=256 within=8
for number in range(20000):
    display(number)
while True:
    display("x" * 1_000_000)
