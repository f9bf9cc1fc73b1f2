"""A home folder for a test that makes sessions."""

import os
import shutil
import tempfile
import unittest

import shannon


def usual_home():
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.environ["HOME"], ".local", "share")
    return os.environ.get("SHANNON_HOME") or os.path.join(data, "shannon")


class Home(unittest.TestCase):
    """A home folder of its own, with the usual one's caches."""

    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="shannon-test-")
        self.addCleanup(shutil.rmtree, self.home)
        for name in os.listdir(usual_home()):
            if name != "sessions":
                os.symlink(os.path.join(usual_home(), name), os.path.join(self.home, name))
        self.env = {"SHANNON_HOME": self.home}

    def run_in(self, session, code, *args, **options):
        env = dict(self.env, **options.pop("env", {}))
        return shannon.result(code, "--session", session, *args, env=env, **options)

    def value(self, session, code, *args, **options):
        """Each call is a process of its own."""
        result = self.run_in(session, code, *args, **options)
        self.assertEqual(result["status"], "ok", result)
        return result["result"] and result["result"]["text/plain"]

    def disk(self):
        return sum(entry.stat().st_blocks * 512 for folder, _, names in os.walk(os.path.join(self.home, "sessions"))
                   for entry in os.scandir(folder) if entry.is_file())
