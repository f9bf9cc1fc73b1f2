"""POST /agent/query: questions that are code, and what is refused. query_model_test.py has those that need a model."""

import os
import sys
import threading
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from asking import Asking


class Code(Asking):
    def setUp(self):
        self.serve()

    def test_code_is_executed_without_a_model(self):
        for query in ("Execute Python: print(6 * 7)", "execute python:\nprint(6 * 7)", "```python\nprint(6 * 7)\n```",
                      "```\nprint(6 * 7)\n```", "Run this, please:\n```py\nprint(6 * 7)\n```\nThank you."):
            answer = self.ask(query)
            self.assertIs(answer["success"], True, query)
            self.assertEqual(answer["response"], "42\n")
            self.assertEqual(answer["tokens_used"], 0)
            self.assertIsNone(answer["model_used"])
            self.assertEqual(answer["finish_reason"], "stop")
            self.assertEqual(answer["metadata"]["mode"], "simple")
            (execution,) = answer["metadata"]["executions"]
            self.assertEqual(execution["result"]["stdout"], "42\n")

    def test_the_value_follows_what_was_printed(self):
        self.assertEqual(self.ask("Execute Python: print('a', end='')\n1 + 1")["response"], "a\n2")
        self.assertEqual(self.ask("Execute Python: x = 1")["response"], "")
        self.assertEqual(self.ask("Execute Python: print('a\\0b')")["response"], "a\0b\n")

    def test_code_that_fails_says_why(self):
        answer = self.ask("Execute Python: print('before')\n1/0")
        self.assertIs(answer["success"], False)
        self.assertTrue(answer["response"].startswith("before\nTraceback"))
        self.assertTrue(answer["response"].rstrip().endswith("ZeroDivisionError: division by zero"))
        self.assertIn("line 2", answer["response"])

    def test_sessions_go_on(self):
        self.assertEqual(self.ask("Execute Python: x = 20", session_id="s")["metadata"]["session_id"], "s")
        self.assertEqual(self.ask("Execute Python: x + 1", session_id="s")["response"], "21")

    def test_events_come_while_it_runs(self):
        events = list(self.events("Execute Python: import time\nfor i in range(3):\n print('é', i)\n time.sleep(0.3)\n7"))
        self.assertEqual([name for name, _, _ in events],
                         ["tool_call", "stdout", "stdout", "stdout", "result", "tool_result", "done"])
        self.assertEqual([data["text"] for name, data, _ in events if name == "stdout"], ["é 0\n", "é 1\n", "é 2\n"])
        times = [seconds for name, _, seconds in events if name == "stdout"]
        self.assertLess(times[0] + 0.2, times[1])
        self.assertEqual(events[4][1], {"text/plain": "7"})
        self.assertEqual(events[-1][1]["response"], "é 0\né 1\né 2\n7")

    def test_characters_are_not_split(self):
        code = "import os, time\nfor b in 'aé€😀'.encode():\n os.write(1, bytes([b]))\n time.sleep(0.01)\nos.write(1, b'\\xe2\\x82')"
        events = list(self.events("Execute Python: " + code))
        text = "".join(data["text"] for name, data, _ in events if name == "stdout")
        self.assertTrue(text.startswith("aé€😀\ufffd"), text)
        self.assertEqual(text, events[-1][1]["metadata"]["executions"][0]["result"]["stdout"])

    def test_without_a_model_words_are_refused(self):
        for stream in False, True:
            status, error = self.refused({"query": "What is 6 * 7?", "stream": stream})
            self.assertEqual((status, error["code"]), (503, "unavailable"))
            self.assertIn("LLM_BASE_URL", error["hint"])
        status, error = self.refused({"query": "Execute Python: 1", "tools": []})  # the model is to talk only
        self.assertEqual((status, error["code"]), (503, "unavailable"))

    def test_bodies_that_make_no_sense(self):
        for body, wanted in ((b"{", "line 1, column 1"), (b"[]", "JSON object"), ({}, "query is missing"),
                             ({"query": "x", "mode": "slow"}, "mode must be"), ({"query": "x", "tools": ["sh"]}, "no tool 'sh'"),
                             ({"query": "x", "queri": 1}, "no field 'queri'"),
                             ({"query": "x", "session_id": "../x"}, "session_id must be"),
                             (b'{"query": "x", "query": "y"}', "duplicate")):
            status, error = self.refused(body)
            self.assertEqual((status, error["code"]), (400, "invalid_argument"), body)
            self.assertIn(wanted, error["message"])
        self.assertEqual(self.refused({"query": "x"}, **{"Content-Type": "text/plain"})[0], 400)
        self.assertEqual(self.refused({"query": "x" * (1 << 20) + "y"})[0], 400)
        made = self.open_socket({"query": "x"}, length=5 << 20)
        self.assertIn(b" 413 ", made.recv(100))
        made.close()

    def test_the_time_of_a_query_ends_its_code(self):
        start = time.monotonic()
        answer = self.ask("Execute Python: while True: pass", timeout_seconds=1.5)
        self.assertLess(time.monotonic() - start, 4)
        self.assertIs(answer["success"], False)
        self.assertEqual(answer["metadata"]["executions"][0]["result"]["status"], "timeout")

    def test_who_leaves_ends_it(self):
        for stream in False, True:
            made = self.open_socket({"query": "Execute Python: while True: pass", "stream": stream})
            self.until(lambda: "shannon_executions_running 1" in self.page("/metrics")[1])
            start = time.monotonic()
            made.close()
            self.until(lambda: "shannon_executions_running 0" in self.page("/metrics")[1])
            self.assertLess(time.monotonic() - start, 1)

    def test_many_at_once(self):
        answers = []

        def ask(i):
            answers.append(self.ask(f"Execute Python: print({i})")["response"])

        threads = [threading.Thread(target=ask, args=[i]) for i in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answers), sorted(f"{i}\n" for i in range(100)))

    def test_it_is_logged_and_counted_without_its_words(self):
        self.ask("Execute Python: print('se' + 'cret')")
        line = next(line for line in self.logged() if line["event"] == "call")
        self.assertEqual((line["method"], line["code"], line["executions"]), ("POST /agent/query", "ok", 1))
        self.assertNotIn("secret", self.log_text())
        self.assertNotIn("print", self.log_text())
        self.assertIn('shannon_calls_total{method="POST /agent/query",code="ok"} 1', self.page("/metrics")[1])


tap.main(__name__)
