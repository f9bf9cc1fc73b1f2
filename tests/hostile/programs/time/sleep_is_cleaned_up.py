"""A sleep that the time limit ends: what is to be done in any case is done, and the sleep did not fail by itself."""
# option: --timeout 1
# expect: status=timeout exit=124 error=TimeoutError least=1 within=3 stdout="cleaned up\n" absent=OSError
import time

try:
    time.sleep(100)
finally:
    print("cleaned up")
