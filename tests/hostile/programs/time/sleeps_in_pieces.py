"""Sleeps for ever, in pieces of all sizes, and starts again when it is woken."""
# option: --timeout 1
# expect: status=timeout exit=124 least=1.9 within=3 stdout~"^woken by TimeoutError\n"
import select
import threading
import time

lock = threading.Lock()
lock.acquire()
for number in range(10**9):
    try:
        time.sleep((0.001, 0.3, 86400, 9e8)[number % 4])
        select.select([], [], [], 0.001)
        lock.acquire(timeout=0.001)
    except BaseException as error:
        print("woken by", type(error).__name__)
