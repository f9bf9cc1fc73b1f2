"""Bytecode by hand: LOAD_FAST with arguments far out of its range, and nothing else."""
# expect: status=ok|error|crashed|timeout|memory_limit stdout~"^begun\n" absent=WorkerLost
# option: --timeout 1 --memory 64
import opcode
import types

print("begun", flush=True)
op = opcode.opmap
for argument in 1000, 1 << 16, (1 << 24) - 1, (1 << 31) - 1, (1 << 32) - 1:
    code = []
    for shift in 24, 16, 8:
        code += op["EXTENDED_ARG"], argument >> shift & 255
    code += op["LOAD_FAST"], argument & 255, op["RETURN_VALUE"], 0
    forged = (lambda: 0).__code__.replace(co_code=bytes(code))
    try:
        types.FunctionType(forged, {})()
    except Exception as error:
        print(type(error).__name__)
