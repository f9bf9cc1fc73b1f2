"""The largest events, each of strings as short as can be, until it is enough."""
# expect: status=output_limit exit=125 within=8
import _shannon_host

payload = b"\1\0\0\0\1" * 2 * ((8 << 20) // 10)
while True:
    _shannon_host.emit(2, payload)
    _shannon_host.emit(1, payload)
