"""Runs this process's unittest cases and reports them as TAP, which `meson test` counts one by one.

Usage, at the end of a test file:  tap.main(__name__)
"""

import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.failed_in = None

    def _line(self, ok, test, note=""):
        self.number += 1
        name = test.id().partition(".")[2] or test.id()
        print(f"{'ok' if ok else 'not ok'} {self.number} - {name}{note}", flush=True)

    def _failed(self, test, err):
        self._line(False, test)
        for line in self._exc_info_to_string(err, test).splitlines():
            print("# " + line, flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._line(True, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failed(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._failed(test, err)

    def addSubTest(self, test, subtest, err):
        """unittest reports a test with failed parts by these alone: the first is the test's line."""
        super().addSubTest(test, subtest, err)
        if err is None:
            return
        if self.failed_in is not test:
            self._failed(test, err)
            self.failed_in = test
        print(f"# {subtest}", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line(True, test, f" # SKIP {reason}")


def main(module_name):
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    module = sys.modules[module_name]
    suite = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    print(f"1..{suite.countTestCases()}", flush=True)
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
