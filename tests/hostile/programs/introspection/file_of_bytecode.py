"""Hands itself an input that is no source: bytecode that was made elsewhere, with a wrong head, cut, and with code that
reaches out of its constants."""
# expect: status=ok|error|crashed stdout~"^refused 3 of 3\n" absent=WorkerLost
# option: --file ../../data/crafted.bin:crafted.pyc
# option: --file ../../data/cut.bin:cut.pyc --file ../../data/wrong_head.bin:wrong_head.pyc
import importlib.machinery
import importlib.util
import sys

refused = 0
for name in "cut", "wrong_head", "missing":
    loader = importlib.machinery.SourcelessFileLoader(name, f"/tmp/{name}.pyc")
    try:
        loader.exec_module(importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader)))
    except (ImportError, EOFError, ValueError, OSError):
        refused += 1
print("refused", refused, "of 3", flush=True)
import crafted
