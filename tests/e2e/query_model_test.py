"""POST /agent/query with a model (model_server.py): the tool loop, and all that models and their servers do wrong."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from asking import Asking
from model_server import ModelServer

TOOL = "python_executor"


def calling(code, **more):
    return {"calls": [{"name": TOOL, "arguments": {"code": code}}], **more}


class WithModel(Asking):
    api = "chat"

    def play(self, *script, **env):
        self.model = ModelServer(script)
        self.addCleanup(self.model.close)
        self.serve(LLM_BASE_URL=self.model.url if self.api == "messages" else self.model.base_url, LLM_MODEL="m", LLM_API=self.api,
                   LLM_API_KEY="key-that-nobody-sees", LLM_RETRIES="3", **env)

    def tearDown(self):
        self.assertNotIn("key-that-nobody-sees", self.log_text())


class Loop(WithModel):
    def test_a_question_is_answered(self):
        self.play({"text": "Hello."})
        answer = self.ask("Hi")
        self.assertEqual((answer["success"], answer["response"], answer["finish_reason"]), (True, "Hello.", "stop"))
        self.assertEqual((answer["provider"], answer["metadata"]["mode"], answer["metadata"]["rounds"]), (self.api, "standard", 1))
        self.assertTrue(answer["model_used"])

    def test_python_is_run_and_what_came_of_it_handed_back(self):
        self.play(calling("x = 6\nprint(x * 7)", usage=[10, 5]), calling("x + 1", usage=[20, 6]), {"text": "It is 42.", "usage": [30, 7]})
        answer = self.ask("What is 6 * 7?")
        self.assertEqual(answer["response"], "It is 42.")
        self.assertEqual(answer["tokens_used"], 78)
        self.assertEqual(answer["metadata"]["usage"], {"input_tokens": 60, "output_tokens": 18})
        first, second = answer["metadata"]["executions"]
        self.assertEqual(first["result"]["stdout"], "42\n")
        self.assertEqual(second["result"]["result"], {"text/plain": "7"})  # the same interpreter
        self.assertIsNone(second["result"]["session_id"])
        self.assertIn("42", json.dumps(self.model.requests[1].body))
        with self.get("/v1/sessions") as reply:  # the query's own session is gone
            self.assertEqual(json.load(reply)["sessions"], [])

    def test_a_session_that_was_named_stays(self):
        self.play(calling("total = 5"), {"text": "Done."}, calling("total + 1"), {"text": "6"})
        self.ask("Set it", session_id="s")
        answer = self.ask("And now?", session_id="s")
        self.assertEqual(answer["metadata"]["executions"][0]["result"]["result"], {"text/plain": "6"})
        self.assertEqual(answer["metadata"]["executions"][0]["result"]["session_id"], "s")

    def test_it_mends_its_own_errors(self):
        self.play(calling("print(undefined)"), {"calls": [{"name": TOOL, "arguments": "{broken"}]},
                  {"calls": [{"name": TOOL, "arguments": {"source": "1"}}]}, {"calls": [{"name": "shell", "arguments": {}}]},
                  calling("print('mended')"), {"text": "Done."})
        answer = self.ask("Go")
        self.assertEqual(answer["response"], "Done.")
        told = [json.dumps(request.body) for request in self.model.requests]
        self.assertIn("NameError", told[1])
        if self.api != "messages":  # which has no room for what is no object
            self.assertIn("no JSON object", told[2])
        self.assertIn("no argument 'source'", told[3])
        self.assertIn("no such tool", told[4])
        self.assertIn("mended", told[5])
        self.assertEqual([e["error"] is None for e in answer["metadata"]["executions"]], [True, False, False, True])

    def test_several_calls_at_once(self):
        self.play({"calls": [{"name": TOOL, "arguments": {"code": f"print({n})"}} for n in range(3)]}, {"text": "Done."})
        answer = self.ask("Go")
        self.assertEqual([e["result"]["stdout"] for e in answer["metadata"]["executions"]], ["0\n", "1\n", "2\n"])

    def test_a_model_that_loops_is_stopped(self):
        self.play(calling("1", repeat=8), {"text": "I give up."})
        answer = self.ask("Go")
        self.assertEqual((answer["response"], answer["metadata"]["stopped"], answer["metadata"]["rounds"]), ("I give up.", True, 9))

    def test_simple_mode_has_one_round(self):
        self.play(calling("1"), {"text": "One."})
        answer = self.ask("Go", mode="simple")
        self.assertEqual((answer["response"], answer["metadata"]["rounds"]), ("One.", 2))

    def test_no_tools_no_code(self):
        self.play({"text": "Words."})
        answer = self.ask("Execute Python: print(1)", tools=[])
        self.assertEqual((answer["response"], answer["metadata"]["executions"]), ("Words.", []))
        self.assertFalse(self.model.requests[0].body.get("tools"))

    def test_context_temperature_and_length_are_passed_on(self):
        self.play({"text": "Yes.", "finish": "length"})
        answer = self.ask("Q", context={"city": "Rome"}, temperature=0.25, max_tokens=77)
        body = self.model.requests[0].body
        self.assertIn("Rome", json.dumps(body))
        self.assertEqual(body["temperature"], 0.25)
        self.assertIn(77, body.values())
        self.assertEqual(answer["finish_reason"], "length")

    def test_events(self):
        self.play(calling("import time\nprint('a')\ntime.sleep(0.3)\nprint('b')", text="Let me see. "), {"text": "It is 42.", "piece": 2})
        events = list(self.events("Q"))
        names = [name for name, _, _ in events]
        self.assertEqual("".join(data["text"] for name, data, _ in events if name == "text"), "Let me see. It is 42.")
        self.assertLess(names.index("text"), names.index("tool_call"))
        self.assertEqual([data["text"] for name, data, _ in events if name == "stdout"], ["a\n", "b\n"])
        self.assertEqual(names[-1], "done")
        self.assertEqual(events[-1][1]["response"], "It is 42.")
        a, b = (seconds for name, _, seconds in events if name == "stdout")
        self.assertLess(a + 0.2, b)


class Responses(Loop):
    api = "responses"


class Messages(Loop):
    api = "messages"


class Faults(WithModel):
    def refused_with(self, status, code, query="Q", **fields):
        got, error = self.refused({"query": query, **fields})
        self.assertEqual((got, error["code"]), (status, code), error)
        return error

    def test_it_is_asked_again(self):
        self.play({"status": 429, "headers": {"Retry-After": "0"}}, {"status": 500}, {"text": "At last."})
        self.assertEqual(self.ask("Q")["response"], "At last.")

    def test_it_fails_for_good(self):
        self.play({"status": 500, "repeat": 0}, LLM_TIMEOUT_SECONDS="5")
        self.refused_with(503, "unavailable")
        self.assertEqual(len(self.model.requests), 4)

    def test_a_key_that_is_not_taken(self):
        self.play({"status": 401})
        error = self.refused_with(503, "unavailable")
        self.assertIn("LLM_API_KEY", error["hint"])

    def test_a_stream_that_is_cut(self):
        self.play({"text": "Half of it and more", "piece": 2, "cut": 3})
        events = list(self.events("Q"))
        self.assertEqual(events[-1][0], "failed")
        self.assertEqual(events[-1][1]["error"]["code"], "unavailable")

    def test_malformed_answers(self):
        self.play({"malformed": True, "repeat": 0})
        self.refused_with(500, "internal")

    def test_a_model_that_never_stops(self):
        self.play({"text": "on and on ", "endless": True, "repeat": 0})
        start = time.monotonic()
        *_, (name, data, _) = self.events("Q", timeout_seconds=2)
        self.assertEqual((name, data["error"]["code"]), ("failed", "deadline_exceeded"))
        self.assertLess(time.monotonic() - start, 10)

    def test_a_deadline(self):
        self.play({"text": "late", "delay": 20})
        start = time.monotonic()
        self.refused_with(504, "deadline_exceeded", timeout_seconds=1)
        self.assertLess(time.monotonic() - start, 3)

    def test_who_leaves_ends_it(self):
        self.play({"text": "on and on ", "endless": True, "repeat": 0})
        made = self.open_socket({"query": "Q", "stream": True})
        self.until(lambda: self.model.requests)
        made.close()
        self.assertTrue(self.model.gone.acquire(timeout=10))  # the model's server, too

    def test_no_server(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.serve(LLM_BASE_URL=f"http://127.0.0.1:{taken.getsockname()[1]}/v1", LLM_MODEL="m", LLM_RETRIES="1")
            self.refused_with(503, "unavailable")
            self.assertEqual(self.ask("Execute Python: print(1)")["response"], "1\n")  # without it

    def test_many_questions_at_once(self):
        self.play(*[calling("print(1)"), {"text": "x"}], {"text": "x", "repeat": 0})
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.ask("Q")["success"])) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [True] * 40)


class Tasks(WithModel):
    """The orchestrator with a model."""

    def submit(self, *arguments):
        script = os.path.join(os.path.dirname(__file__), "../../scripts/submit_task.sh")
        return subprocess.run([script, *arguments], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "SHANNON_TASKS_URL": self.pages})

    def test_a_step(self):
        self.play(calling("print(6 * 7)"), {"text": "It is 42."})
        done = self.submit("What is 6 * 7?")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("It is 42.", done.stdout)

    def test_several_steps(self):
        plan = {"steps": [{"id": "a", "task": "Compute one"}, {"id": "b", "task": "Compute two"},
                          {"id": "c", "task": "Add them", "after": ["a", "b"]}]}
        self.play({"text": json.dumps(plan)}, {"text": "A result.", "repeat": 0})
        done = self.submit("First compute one, then compute two, and finally add both of them and compare the results.")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("A result.", done.stdout)
        self.assertGreaterEqual(len(self.model.requests), 5)


tap.main(__name__)
