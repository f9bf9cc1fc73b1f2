"""The last value's representation takes all memory."""
# expect: status=memory_limit error=MemoryError exit=137


class Huge:
    def __repr__(self):
        return "x" * (1 << 30)


Huge()
