"""Waits for what nobody will do: a lock, a queue, an event."""
# option: --timeout 1
# expect: status=timeout exit=124 least=1 within=3 stdout~"^(TimeoutError\n)?$"
import queue
import threading

lock = threading.Lock()
lock.acquire()
try:
    lock.acquire()
except TimeoutError as error:
    print(type(error).__name__)
queue.Queue().get()
