"""Events without an end: empty ones, so that their number is what has to be borne."""
# option: --timeout 1
# expect: status=timeout|output_limit outputs=256 within=3.4
import _shannon_host

emit = _shannon_host.emit
while True:
    emit(2, bytes(8))
    emit(3, bytes(12))
