"""Asks models (model_client.c) of a scripted server (model_server.py) that does what it should, and what it should not."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from model_asked import CALL, HELLO, KEY, SCHEMA, SLOW_LOOKUP, TOOL, Asked
from model_wire import APIS


class Replies(Asked):
    def test_text(self):
        text = "Grüße, 世界! 🎉 \u0001 done"
        for api, stream in self.each():
            server = self.serve({"text": text, "usage": [11, 3], "model": "m-1-2024"}, key=KEY)
            self.open(server, api=api)
            answer = self.ask(stream=stream, request_id="req-1")
            self.assertEqual(answer["reply"], {"text": text, "uses": [], "finish": "stop", "model": "m-1-2024", "input_tokens": 11,
                                               "output_tokens": 3, "verbatim": None})
            self.assertEqual(answer["tries"], 1)
            self.assertEqual("".join(answer["pieces"]), text if stream else "")
            self.assertEqual(len(answer["pieces"]), -(-len(text) // 4) if stream else 0)
            asked, = server.requests
            self.assertEqual(asked.headers["X-Request-Id"], "req-1")
            self.assertEqual(asked.headers["Content-Type"], "application/json")
            self.assertNotIn("Expect", asked.headers)

    def test_tools(self):
        """A whole round: calls, their results, one of them an error, and the answer."""
        uses = [{"id": "call_a", "name": "python_executor", "arguments": '{"code":"print(6*7)"}'},
                {"id": "call_b", "name": "python_executor", "arguments": "{}"}]
        for api, stream in self.each():
            server = self.serve({"text": "Let me see.", "calls": [CALL, {"id": "call_b", "name": "python_executor"}]}, {"text": "42"})
            self.open(server, api=api)
            said = [{"role": "system", "text": "Be brief."}, {"role": "user", "text": "6*7?"}]
            reply = self.ask(said, tools=[TOOL], stream=stream)["reply"]
            self.assertEqual((reply["text"], reply["uses"], reply["finish"]), ("Let me see.", uses, "tool_calls"))
            said += [{"role": "assistant", **reply}, {"role": "tool", "use_id": "call_a", "text": "42\n"},
                     {"role": "tool", "use_id": "call_b", "text": "no code", "is_error": True}]
            reply = self.ask(said, tools=[TOOL], no_calls=True, stream=stream, temperature=0.5, max_tokens=77)["reply"]
            self.assertEqual((reply["text"], reply["uses"], reply["finish"]), ("42", [], "stop"))
            self.assertEqual([request.body.get("tool_choice") for request in server.requests], [None, {"type": "none"} if api == "messages" else "none"])


    def test_arguments_that_are_no_json(self):
        """They come as they are, and go back as something that every API takes."""
        for api, stream in self.each():
            if api == "messages" and not stream:
                continue  # there they are an object
            server = self.serve({"calls": [dict(CALL, arguments='{"code": "1')]}, {"text": "sorry"})
            self.open(server, api=api)
            reply = self.ask(tools=[TOOL], stream=stream)["reply"]
            self.assertEqual(reply["uses"][0]["arguments"], '{"code": "1')
            said = HELLO + [{"role": "assistant", **reply}, {"role": "tool", "use_id": "call_a", "text": "no JSON", "is_error": True}]
            self.assertEqual(self.ask(said, tools=[TOOL])["reply"]["text"], "sorry")
            self.assertIn("_raw", json.dumps(server.requests[1].body))

    def test_reasoning_goes_back(self):
        for api, kept in ("responses", ["reasoning"]), ("messages", ["thinking", "redacted_thinking"]):
            for stream in False, True:
                server = self.serve({"reasoning": "ZW5jcnlwdGVk", "text": "Hm.", "calls": [CALL]}, {"text": "42"})
                self.open(server, api=api)
                reply = self.ask(tools=[TOOL], stream=stream)["reply"]
                self.assertEqual([item["type"] for item in reply["verbatim"]], kept)
                self.ask(HELLO + [{"role": "assistant", **reply}, {"role": "tool", "use_id": "call_a", "text": "42"}], tools=[TOOL])
                body = server.requests[1].body
                sent = body["input"][1:] if api == "responses" else body["messages"][1]["content"]
                self.assertEqual(sent[:len(kept)], reply["verbatim"])
                self.assertIn("ZW5jcnlwdGVk", json.dumps(sent))

    def test_why_it_ended(self):
        for api, stream in self.each():
            server = self.serve({"text": "cut", "finish": "length"}, {"text": "no", "finish": "content_filter"}, {"text": "yes"})
            self.open(server, api=api)
            self.assertEqual([self.ask(stream=stream)["reply"]["finish"] for _ in range(3)], ["length", "content_filter", "stop"])

    def test_servers_that_are_a_little_different(self):
        two = [CALL, dict(CALL, id="call_b", name="other", arguments={"x": [1, 2]})]
        for more in ({"ids": "late"}, {"ids": "repeated"}, {"indexes": False}, {"indexes": "zero"}, {"count": False},
                     {"finish": "stop"}, {"whole": True}, {"objects": True, "whole": True}, {"whole": True, "content_type": "text/plain"},
                     {"content_type": "application/octet-stream"}, {"content_type": ""}):
            with self.subTest(more=more):
                server = self.serve(dict({"text": "both", "calls": two}, **more))
                self.open(server)
                answer = self.ask(stream=True)
                reply = answer["reply"]
                self.assertEqual("".join(answer["pieces"]), "both")
                self.assertEqual([(use["id"], use["name"]) for use in reply["uses"]], [("call_a", "python_executor"), ("call_b", "other")])
                self.assertEqual([json.loads(use["arguments"]) for use in reply["uses"]], [CALL["arguments"], {"x": [1, 2]}])
                self.assertEqual((reply["finish"], reply["input_tokens"]), ("tool_calls", 0 if "count" in more else 7))
        server = self.serve({"calls": two, "ids": "never"}, {"text": "in parts", "parts": True}, {"text": "", "refusal": "I will not"},
                            {"text": "all", "stream": True})
        self.open(server)
        ids = [use["id"] for use in self.ask(stream=True)["reply"]["uses"]]
        self.assertEqual(len(set(ids)), 2)
        for made in ids:
            self.assertRegex(made, "^call_[0-9a-f]{24}$")
        self.assertEqual([self.ask()["reply"]["text"] for _ in range(3)], ["in parts", "I will not", "all"])
        self.open(self.serve({"text": "at the end", "late": True}), api="responses")
        self.assertEqual(self.ask(stream=True)["pieces"], ["at the end"])

    def test_events_cut_anywhere(self):
        for api, _ in self.each([True]):
            for step in {"split": 1}, {"split": 7, "line_end": "\r\n"}, {"split": 1, "line_end": "\r\n", "comments": True}, {"line_end": "\r"}:
                server = self.serve(dict({"text": "🎉é" * 10, "calls": [CALL], "piece": 3}, **step))
                self.open(server, api=api)
                answer = self.ask(stream=True)
                self.assertEqual("".join(answer["pieces"]), "🎉é" * 10)
                self.assertEqual(json.loads(answer["reply"]["uses"][0]["arguments"]), CALL["arguments"])

    def test_what_is_no_utf8(self):
        """Bytes that are none, halves of surrogate pairs, and NUL."""
        for text in "a\udcff\udce2\udc82z", "\\ud83d!", "nul:\\u0000.":
            body = json.dumps({"choices": [{"message": {"content": "TEXT"}, "finish_reason": "stop"}]}).replace("TEXT", text)
            self.open(self.serve({"body": body}))
            reply = self.ask()["reply"]
            self.assertIn("\ufffd", reply["text"])
            self.assertNotIn("\0", reply["text"])

    def test_conversation_as_it_is_sent(self):
        said = [{"role": "system", "text": "S"}, {"role": "user", "text": "U"}, {"role": "user", "text": "V"}]
        server = self.serve({"text": "", "repeat": 0})
        self.open(server, api="messages")
        self.ask(said)
        self.assertEqual(server.requests[0].body, {"model": "m-1", "max_tokens": 4096, "system": [{"type": "text", "text": "S"}],
                         "messages": [{"role": "user", "content": [{"type": "text", "text": "U"}, {"type": "text", "text": "V"}]}]})
        self.open(server, api="chat")
        self.ask(said, model="m-2", temperature=0, max_tokens=9, tools=[TOOL])
        self.assertEqual(server.requests[1].body, {"model": "m-2", "max_tokens": 9, "temperature": 0.0,
                         "messages": [{"role": m["role"], "content": m["text"]} for m in said],
                         "tools": [{"type": "function", "function": {"name": "python_executor", "description": "Runs Python.", "parameters": SCHEMA}}]})

    def test_where_it_asks(self):
        server = self.serve({"text": "yes", "repeat": 0})
        for api in APIS:
            for base in server.base_url, server.base_url + "/":
                self.open(server, base_url=base, api=api)
                self.assertEqual(self.ask()["reply"]["text"], "yes")
        for base in server.url, server.url + "/", server.url + "//":
            self.open(server, base_url=base, api="messages")
            self.assertEqual(self.ask()["reply"]["text"], "yes")


class Refusals(Asked):
    def test_options_that_are_none(self):
        for options in ({"base_url": "ftp://h/v1"}, {"base_url": "file:///etc/passwd"}, {"base_url": "127.0.0.1:8080"}, {"base_url": "http://"},
                        {"base_url": "http://u:p@h/v1"}, {"base_url": "http://h/v1?x=1"}, {"base_url": "http://h/v1#x"}, {"base_url": "http://h/a b"},
                        {"base_url": "http://h:99999/"}, {"base_url": "http://h/" + "x" * 2048}, {"base_url": ""}, {"api": "completions"},
                        {"model": ""}, {"api_key": ""}, {"api_key": "k\r\nX-Evil: 1"}, {"api_key": "é"}, {"api_key": "x" * 4001}):
            with self.subTest(options=options):
                self.open(**{"base_url": "http://h/v1", "expect": "invalid_argument", **options})

    def test_statuses(self):
        for status, code, tries in ((400, "invalid_argument", 1), (404, "invalid_argument", 1), (413, "invalid_argument", 1),
                                    (401, "unauthenticated", 1), (403, "unauthenticated", 1), (408, "unavailable", 3),
                                    (409, "unavailable", 3), (429, "resource_exhausted", 3), (500, "unavailable", 3),
                                    (503, "unavailable", 3), (529, "unavailable", 3), (302, "internal", 1), (204, "internal", 1)):
            for stream in False, True:
                with self.subTest(status=status, stream=stream):
                    error = {"message": "no\x1b[31m\r\nway \u009b \x7f" + "é" * 400}
                    server = self.serve({"status": status, "error": error, "repeat": 0, "headers": {"Location": "/elsewhere"}})
                    self.open(server, retries=2)
                    answer = self.fails(code, stream=stream)
                    self.assertEqual((len(server.requests), answer["tries"]), (tries, tries))
                    message = answer["error"]["message"]
                    self.assertIn(f"says {status}", message)
                    if status != 204:  # has no body
                        self.assertIn("no [31m way é", message)
                    self.assertTrue(message.isprintable(), message)
                    self.assertLess(len(message.encode()), 500)

    def test_hints(self):
        server = self.serve({"status": 401}, {"status": 404}, {"status": 429, "repeat": 0})
        self.open(server, retries=0)
        for word, code in ("LLM_API_KEY", "unauthenticated"), ("LLM_BASE_URL", "invalid_argument"), ("later", "resource_exhausted"):
            self.assertIn(word, self.fails(code)["error"]["hint"])

    def test_a_key_that_is_refused_is_not_told(self):
        """The server repeats it, as some do."""
        for api, stream in self.each():
            self.open(self.serve(key="another"), api=api)
            message = self.fails("unauthenticated", stream=stream)["error"]["message"]
            self.assertIn("Incorrect API key provided: " + "*" * len(KEY), message)

    def test_without_a_key(self):
        server = self.serve({"text": "yes", "repeat": 0})
        for api in APIS:
            self.open(server, api=api, api_key=None)
            self.assertEqual(self.ask()["reply"]["text"], "yes")
            self.assertFalse({"authorization", "x-api-key"} & {name.lower() for name in server.requests[-1].headers})

    def test_words_of_a_refusal(self):
        for body, words in (('{"error": "plain"}', "plain"), ('{"detail": "validation"}', "validation"), ('{"message": "bare"}', "bare"),
                            ('[{"error": {"message": "listed"}}]', "listed"), ("not json", "not json"), ("<html>page</html>", ""), ("", ""),
                            ('{"error": {"message": 7}}', ""), ('{"error"', '{"error"'), ("[" * 10000, "[" * 300)):
            with self.subTest(body=body[:40]):
                self.open(self.serve({"status": 400, "body": body}))
                message = self.fails("invalid_argument")["error"]["message"]
                self.assertTrue(message.startswith("the model's server says 400" + (": " + words if words else "")), message)
                self.assertNotIn("html", message)

    def test_what_it_learns(self):
        """A refusal that says what the server does not take."""
        for api, word, stream, more in (("chat", "max_tokens", False, {"max_tokens": 5}), ("chat", "stream_options", True, {}),
                                        ("responses", "include", False, {})):
            known = {"max_tokens": "Unsupported parameter: use 'max_completion_tokens' instead.",
                     "stream_options": "Extra inputs: stream_options", "include": "Encrypted content is not supported with this model."}
            server = self.serve({"learn": word, "error": {"message": known[word]}, "text": "yes", "repeat": 0})
            self.open(server, api=api, retries=0)
            for tries in 2, 1:  # it remembers
                answer = self.ask(stream=stream, **more)
                self.assertEqual((answer["reply"]["text"], answer["tries"]), ("yes", tries))
            self.assertEqual(server.requests[1].body.get("max_completion_tokens"), more.get("max_tokens"))


class Retries(Asked):
    def test_it_is_asked_again(self):
        for api, stream in self.each():
            server = self.serve({"status": 500}, {"status": 429, "headers": {"Retry-After": "0"}}, {"text": "x", "cut": 1}, {"text": "at last"})
            self.open(server, api=api)
            answer = self.ask(stream=stream)
            self.assertEqual((answer["reply"]["text"], answer["tries"], len(server.requests)), ("at last", 4, 4))

    def test_as_late_as_the_server_wants(self):
        for headers, least in ({"Retry-After": "1"}, 1), ({"Retry-After": "9", "retry-after-ms": "300"}, .3), ({"Retry-After": "soon"}, 0), \
                ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0):
            server = self.serve({"status": 429, "headers": headers}, {"text": "yes"})
            self.open(server)
            self.ask()
            first, second = (request.at for request in server.requests)
            self.assertGreaterEqual(second - first, least)
            self.assertLess(second - first, least + 1)

    def test_when_there_is_no_sense_in_it(self):
        for step in ({"status": 429, "headers": {"Retry-After": "3600"}}, {"status": 503, "headers": {"x-should-retry": "false"}},
                     {"status": 429, "error": {"code": "insufficient_quota"}}):
            server = self.serve(step)
            self.open(server)
            answer = self.fails("unavailable" if step["status"] == 503 else "resource_exhausted")
            self.assertEqual((answer["tries"], len(server.requests)), (1, 1))
            self.assertLess(answer["ms"], 500)
        self.open(self.serve({"status": 429, "headers": {"Retry-After": "3600"}}))
        self.assertIn("3600 s", self.fails("resource_exhausted")["error"]["hint"])

    def test_nothing_is_streamed_twice(self):
        for api, _ in self.each([True]):
            server = self.serve({"text": "The answer is", "cut": 4}, {"text": "no"})
            self.open(server, api=api)
            answer = self.fails("unavailable", stream=True)
            self.assertIn("cut its answer short", answer["error"]["message"])
            self.assertTrue(answer["pieces"])
            self.assertEqual(len(server.requests), 1)

    def test_calls_that_were_cut_are_asked_for_again(self):
        """Nobody has seen them."""
        for api, _ in self.each([True]):
            server = self.serve({"calls": [CALL], "cut": 4}, {"calls": [CALL]})
            self.open(server, api=api)
            answer = self.ask(stream=True)
            self.assertEqual((len(answer["reply"]["uses"]), answer["tries"]), (1, 2))
            self.assertEqual(json.loads(answer["reply"]["uses"][0]["arguments"]), CALL["arguments"])

    def test_errors_in_a_stream(self):
        kinds = {"overloaded_error": ("unavailable", 2), "rate_limit_error": ("resource_exhausted", 2), "authentication_error": ("unauthenticated", 1),
                 "invalid_request_error": ("invalid_argument", 1), "what": ("unavailable", 2)}
        for api, stream in self.each():
            for kind, (code, tries) in kinds.items():
                error = {"type": kind, "message": f"so: {kind}"} if api != "responses" else {"code": kind, "message": f"so: {kind}"}
                server = self.serve({"text": "t", "stream_error": 1, "error": error, "repeat": 0})
                self.open(server, api=api, retries=1)
                answer = self.fails(code, stream=stream)
                self.assertIn(f"so: {kind}", answer["error"]["message"])
                self.assertEqual(answer["tries"], tries)

    def test_errors_after_some_text(self):
        for api, _ in self.each([True]):
            server = self.serve({"text": "The answer is", "stream_error": 5, "error": {"type": "overloaded_error", "code": "server_error"}, "repeat": 0})
            self.open(server, api=api)
            answer = self.fails("unavailable", stream=True)
            self.assertTrue(answer["pieces"])
            self.assertEqual((answer["tries"], len(server.requests)), (1, 1))

    def test_what_is_logged(self):
        """How it went, and nothing of the conversation."""
        server = self.serve({"status": 503, "error": {"message": "their words"}}, {"text": "their answer", "calls": [CALL]}, {"status": 400})
        self.open(server, retries=1)
        said = [{"role": "user", "text": "my question"}]
        self.ask(said, request_id="req-7")
        self.ask(said)
        retry, asked, failed = (json.loads(line) for line in self.logged().splitlines())
        self.assertEqual((retry["event"], retry["status"], retry["request_id"], retry["level"]), ("model_retry", 503, "req-7", "warn"))
        self.assertEqual((asked["event"], asked["code"], asked["tries"], asked["input_tokens"]), ("model_asked", "ok", 2, 7))
        self.assertEqual((failed["event"], failed["code"], failed["level"]), ("model_asked", "invalid_argument", "warn"))
        for text in "question", "their", "python_executor", "print":
            self.assertNotIn(text, self.logged())

    def test_nobody_there(self):
        server = self.serve()
        server.close()
        self.open(server, retries=1)
        answer = self.fails("unavailable")
        self.assertEqual(answer["tries"], 2)
        self.assertIn(server.base_url, answer["error"]["hint"])
        self.open(base_url="http://no-such-host.invalid/v1", retries=0)
        self.fails("unavailable")


class Bounds(Asked):
    def test_no_sense(self):
        for api, stream in self.each():
            for step in ({"text": "hello", "malformed": True}, {"body": "", "whole": True}, {"body": "[1]", "whole": True}, {"body": "{}", "whole": True},
                         {"body": "<html>", "content_type": "text/html", "whole": True}, {"body": '{"choices": [], "output": 1}', "whole": True},
                         {"calls": [dict(CALL, name="")]}, {"calls": [CALL] * 65}, {"calls": [dict(CALL, name="n" * 257)]},
                         {"body": "[" + "1," * 300000, "whole": True}):
                with self.subTest(step=str(step)[:60]):
                    server = self.serve(dict(step, repeat=0))
                    self.open(server, api=api)
                    self.fails("internal", stream=stream)
                    self.assertEqual(len(server.requests), 1)

    def test_too_much(self):
        for api, stream in self.each():
            for step in ({"huge": 5 << 20}, {"calls": [dict(CALL, arguments={"code": "x" * (3 << 20)})], "split": 1 << 16}, {"huge": 17 << 20, "whole": True}):
                if stream and "calls" in step:
                    continue  # a delta for each five bytes
                self.open(self.serve(step), api=api)
                self.assertIn("more than", self.fails("internal", stream=stream)["error"]["message"])

    def test_as_much_as_may_be(self):
        for api, stream in self.each():
            self.open(self.serve({"huge": 4 << 20}), api=api)
            self.assertEqual(len(self.ask(stream=stream)["reply"]["text"]), 4 << 20)

    def test_a_stream_without_end(self):
        for api, _ in self.each([True]):
            server = self.serve({"text": "again and again", "endless": True, "pause": .01})
            self.open(server, api=api)
            self.soon("deadline_exceeded", 300, stream=True, deadline_ms=300)
            self.assertTrue(server.gone.acquire(timeout=10))
        server = self.serve({"text": "x" * 16000, "piece": 4000, "endless": True})
        self.open(server)
        self.assertIn("more than 4 MiB", self.fails("internal", stream=True)["error"]["message"])

    def test_silence(self):
        for api, stream in self.each():
            server = self.serve({"text": "hello", "stall": 1, "repeat": 0})
            self.open(server, api=api, idle_ms=200, retries=1)
            answer = self.fails("unavailable", stream=stream)
            self.assertIn("silent", answer["error"]["message"])
            self.assertEqual((answer["tries"], len(server.requests)), (2, 2))
            self.assertLess(answer["ms"], 600)

    def test_an_answer_that_takes_its_time(self):
        """Silence counts from the answer's beginning."""
        self.open(self.serve({"text": "thought well", "delay": .5}), idle_ms=100)
        self.assertEqual(self.ask()["reply"]["text"], "thought well")

    def test_time_limits(self):
        for api, stream in self.each():
            server = self.serve({"text": "late", "delay": 5, "repeat": 0})
            self.open(server, api=api, timeout_ms=200)
            answer = self.soon("deadline_exceeded", 200, stream=stream)
            self.assertIn("LLM_TIMEOUT_SECONDS", answer["error"]["hint"])
            self.assertEqual(answer["tries"], 1)
            self.soon("deadline_exceeded", 100, stream=stream, deadline_ms=100)

    def test_a_pause_does_not_outlast_the_deadline(self):
        server = self.serve({"status": 503, "headers": {"Retry-After": "2"}, "repeat": 0})
        self.open(server)
        answer = self.fails("unavailable", deadline_ms=1000)
        self.assertLess(answer["ms"], 300)
        self.fails("deadline_exceeded", deadline_ms=0)
        self.assertEqual(len(server.requests), 1)

    def test_cancelled(self):
        slow = [{"text": "late", "delay": 5, "repeat": 0}, {"text": "hello", "stall": 1, "repeat": 0},
                {"text": "again", "endless": True, "pause": .001, "repeat": 0}, {"status": 429, "headers": {"Retry-After": "30"}, "repeat": 0}]
        for api, stream in self.each():
            for step in slow if stream else slow[:2] + slow[3:]:
                self.open(self.serve(step), api=api)
                answer = self.soon("unavailable", 150, stream=stream, cancel_ms=150)
                self.assertIn("cancelled", answer["error"]["message"])
                self.assertEqual(answer["tries"], 1)

    def test_cancelled_while_a_name_is_looked_up(self):
        for api in APIS:
            self.open(base_url="http://slow.invalid/v1", api=api, env={"LD_PRELOAD": SLOW_LOOKUP})
            self.soon("unavailable", 100, cancel_ms=100)
            self.soon("deadline_exceeded", 100, deadline_ms=100)

    def test_cancelled_by_what_is_told(self):
        for api, _ in self.each([True]):
            server = self.serve({"text": "x" * 400, "endless": True, "pause": .01})
            self.open(server, api=api)
            answer = self.fails("unavailable", stream=True, stop_after=1)
            self.assertEqual((len(answer["pieces"]), answer["tries"]), (1, 1))
            self.assertIn("cancelled", answer["error"]["message"])
            self.assertTrue(server.gone.acquire(timeout=10))

    def test_too_many_at_once(self):
        self.open(self.serve({"text": "yes", "delay": .3, "repeat": 0}), calls_most=3)
        answers = self.ask(at_once=8)
        self.assertEqual(sum("reply" in answer for answer in answers), 3)
        self.assertEqual({answer["error"]["code"] for answer in answers if "error" in answer}, {"resource_exhausted"})
        self.assertIn("reply", self.ask())

    def test_no_descriptor_is_lost(self):
        steps = [{"text": "yes"}, {"text": "cut", "cut": 1}, {"status": 500}, {"text": "bad", "malformed": True}, {"status": 400}, {"body": "<"}]
        self.open(self.serve(*(step for _ in range(34) for step in steps)), retries=0)
        self.ask()
        open_before = self.ask()["fds"]
        for n in range(200):
            open_now = self.ask(stream=n % 3 == 0)["fds"]
        self.assertLessEqual(open_now, open_before + 4)
        answers = self.ask(at_once=40)
        self.assertLessEqual(max(answer["fds"] for answer in answers[-1:]), open_before + 4 * 40)
        self.assertLessEqual(self.ask()["fds"], open_before + 4 * 16)

    def test_connections_are_used_again(self):
        server = self.serve({"text": "yes", "repeat": 0})
        self.open(server)
        before = server.connections
        for stream in (False, True) * 10:
            self.ask(stream=stream)
        self.assertEqual(server.connections - before, 1)

    def test_tls(self):
        """To whom the certificate does not name, nothing is sent."""
        with tempfile.TemporaryDirectory() as folder:
            certificate = os.path.join(folder, "certificate.pem")
            def make(name):
                subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=x",
                                "-addext", f"subjectAltName={name}", "-keyout", certificate, "-out", certificate + ".crt"], check=True, capture_output=True)
                with open(certificate, "a") as file, open(certificate + ".crt") as made:
                    file.write(made.read())
                return self.serve({"text": "yes", "repeat": 0}, tls=certificate)
            server = make("IP:127.0.0.1")
            self.open(server, ca_path=certificate + ".crt")
            for _ in range(3):
                self.assertEqual(self.ask(stream=True)["reply"]["text"], "yes")
            self.assertEqual((server.connections, len(server.requests)), (1, 3))
            self.open(server)
            answer = self.fails("unavailable")
            self.assertEqual(answer["tries"], 1)
            self.assertIn("LLM_CA_FILE", answer["error"]["hint"])
            self.assertEqual(len(server.requests), 3)
            server = make("IP:127.0.0.2")
            self.open(server, ca_path=certificate + ".crt")
            self.assertEqual((self.fails("unavailable")["tries"], len(server.requests)), (1, 0))
            self.open(server, ca_path=os.path.join(folder, "nothing"))
            self.fails("unavailable")

    def test_connections_that_the_server_has_closed(self):
        """Without a word, as servers do with those that are idle."""
        server = self.serve({"text": "yes", "hang_up": True, "repeat": 0})
        self.open(server, retries=0)
        for _ in range(20):
            self.assertEqual(self.ask()["reply"]["text"], "yes")
        self.assertEqual(server.connections, 20)

    def test_words_that_are_no_http(self):
        """What libcurl says of them is shown."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def play():
                for line in b"HTTP/1.1 \x1b[31m\r\n\r\n", b"\x1b]0;title\x07", b"HTTP/1.1 200 OK\r\nContent-Length: \x1b[31m\r\n\r\n{}", b"HTTP/9.9 200 \x1b[31m\r\n\r\n":
                    with listener.accept()[0] as connection:
                        connection.recv(1 << 16)
                        connection.sendall(line)
            thread = threading.Thread(target=play)
            thread.start()
            self.open(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1", retries=0)
            for _ in range(4):
                answer = self.ask()
                self.assertEqual(answer["error"]["code"], "unavailable")
                self.assertTrue(answer["error"]["message"].isprintable(), answer)
            thread.join()

    def test_environment(self):
        """A proxy is asked where the environment names one; .netrc and redirects count for nothing."""
        server, proxy = self.serve({"text": "direct", "repeat": 0}), self.serve({"text": "proxied", "repeat": 0})
        with tempfile.TemporaryDirectory() as home:
            with open(os.path.join(home, ".netrc"), "w") as file:
                file.write("machine 127.0.0.1 login user password pass\n")
            self.open(server, env={"http_proxy": proxy.url, "no_proxy": "", "HOME": home}, api_key=None)
            self.ask()
            self.assertEqual(len(server.requests), 0)
            self.open(server, env={"http_proxy": proxy.url, "no_proxy": "127.0.0.1", "HOME": home}, api_key=None)
            self.assertEqual(self.ask()["reply"]["text"], "direct")
            self.assertNotIn("Authorization", server.requests[0].headers)


if __name__ == "__main__":
    tap.main(__name__)
