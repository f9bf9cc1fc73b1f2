"""A deque that takes all memory: the exception is not lost when the half of it is taken down again."""
# option: --memory 64
# expect: status=memory_limit error=MemoryError
import collections

collections.deque(range(10**9))
