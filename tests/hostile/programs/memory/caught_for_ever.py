"""Runs out of memory again and again, in the handler of running out, and in the handler of that."""
# option: --memory 48 --timeout 2
# expect: status=timeout|memory_limit|error|crashed within=4.2


def eat(kept):
    while True:
        try:
            while True:
                kept = [kept, bytes(4096)]
        except MemoryError:
            try:
                eat(kept)
            except BaseException as error:
                kept = error


eat(None)
