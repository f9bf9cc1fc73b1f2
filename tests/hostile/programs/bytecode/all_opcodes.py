"""Every opcode, with an empty stack and a large argument, in generators and functions, until the guest ends."""
# expect: status=ok|error|crashed|timeout|memory_limit absent=WorkerLost
# option: --timeout 1 --memory 64
import random
import types

random.seed(5)
for opcode in random.sample(range(256), 256):
    for argument in 0, 1, 200:
        forged = (lambda a=1: (yield a)).__code__.replace(co_code=bytes([opcode, argument] * 8 + [83, 0]),
                                                          co_stacksize=0)
        try:
            list(types.FunctionType(forged, {}, argdefs=(1,))())
        except Exception:
            pass
