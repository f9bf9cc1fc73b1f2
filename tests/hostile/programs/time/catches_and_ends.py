"""Catches the exception of the time limit and ends well: it is over the limit all the same."""
# option: --timeout 1
# expect: status=timeout exit=124 least=1 within=3 stdout="caught\ncleaned up\nat exit\n"
import atexit

atexit.register(print, "at exit")
try:
    while True:
        pass
except TimeoutError:
    print("caught")
finally:
    print("cleaned up")
