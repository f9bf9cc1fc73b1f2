"""The wire formats of three APIs of language models, from the server's side: what a reply is, whole and as events, and
what a request must be. A step of a script (model_server.py) says what the reply holds.

An API has `path`, `key(headers)`, `whole(step)`, `events(step)` (pairs of an event's name or None, and its data),
`error(step)`, and `wrong(body)`: what a strict server has against a request, or None.
"""

import json


def pieces(step):
    text, size = step.get("text") or "", step.get("piece", 4)
    return [text[at:at + size] for at in range(0, len(text), size)]


def arguments(call):
    given = call.get("arguments", {})
    return given if isinstance(given, str) else json.dumps(given, separators=(",", ":"))


def argument_pieces(call, size=5):
    text = arguments(call)
    return [text[at:at + size] for at in range(0, len(text), size)] or [""]


def calls(step):
    return [dict(call, id=call.get("id", f"call_{i + 1}")) for i, call in enumerate(step.get("calls", []))]


def usage(step):
    return step.get("usage", [7, 5])


def bearer(headers):
    return (headers.get("Authorization") or "").removeprefix("Bearer ")


def answered(asked, got):
    """Whether results answer what was asked: each call once, none else."""
    return None if sorted(asked) == sorted(got) else f"the calls {asked} are answered by {got}"


class Chat:
    path = "/chat/completions"
    key = staticmethod(bearer)

    @staticmethod
    def finish(step):
        return step.get("finish") or ("tool_calls" if step.get("calls") else "stop")

    @classmethod
    def whole(cls, step):
        made = [{"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": arguments(c)}} for c in calls(step)]
        if step.get("objects"):  # as some servers have it
            for call in made:
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        message = {"role": "assistant", "content": step.get("text"), "refusal": step.get("refusal")}
        if step.get("parts"):
            message["content"] = [{"type": "text", "text": piece} for piece in pieces(step)]
        if made:
            message["tool_calls"] = made
        return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": step["model"],
                "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": cls.finish(step)}],
                "usage": cls.usage(step)}

    @staticmethod
    def usage(step):
        asked, given = usage(step)
        return {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}

    @classmethod
    def events(cls, step):
        def chunk(delta, finish=None, **more):
            return None, dict({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": step["model"],
                               "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], "usage": None}, **more)
        yield chunk({"role": "assistant", "content": ""})
        for piece in pieces(step):
            yield chunk({"content": piece})
        for i, call in enumerate(calls(step)):
            yield from (chunk({"tool_calls": [part]}) for part in cls.call_parts(step, i, call))
        yield chunk({}, cls.finish(step))
        if step.get("count", True):
            yield chunk({}, choices=[], usage=cls.usage(step))
        yield None, "[DONE]"

    @staticmethod
    def call_parts(step, i, call):
        """The first names it; `ids`: "late", "never", "repeated"; `indexes`: False, or "zero"."""
        ids, indexes = step.get("ids"), step.get("indexes", True)
        for n, piece in enumerate([""] + argument_pieces(call)):
            part = {"index": 0 if indexes == "zero" else i} if indexes else {}
            if ids == "repeated" or n == {"late": 1, "never": None}.get(ids, 0):
                part["id"] = call["id"]
            part |= {"type": "function"} if n == 0 else {}
            part["function"] = {"arguments": piece} | ({"name": call["name"]} if n == 0 else {})
            yield part

    @staticmethod
    def error(step):
        return {"error": dict({"message": "it failed", "type": "server_error", "param": None, "code": None}, **step.get("error", {}))}

    @staticmethod
    def wrong(body):
        asked = got = None
        for message in body["messages"] + [{"role": "end"}]:
            if message["role"] == "tool":
                if asked is None or not isinstance(message["content"], str):
                    return "a tool message answers nothing"
                got.append(message["tool_call_id"])
                continue
            if asked is not None and answered(asked, got):
                return answered(asked, got)
            asked = got = None
            made = message.get("tool_calls")
            if made == [] or (message.get("content") is None and not made and message["role"] != "end"):
                return "a message without content"
            for call in made or []:
                if call["type"] != "function" or not isinstance(json.loads(call["function"]["arguments"]), dict):
                    return "a call that is none"
            if made:
                asked, got = [call["id"] for call in made], []
        for tool in body.get("tools", []):
            if tool["type"] != "function" or tool["function"]["parameters"]["type"] != "object":
                return "a tool that is none"
        return None


class Responses:
    path = "/responses"
    key = staticmethod(bearer)
    error = Chat.error

    @staticmethod
    def items(step):
        if step.get("reasoning"):
            yield {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": step["reasoning"]}
        if step.get("text"):
            yield {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                   "content": [{"type": "output_text", "text": step["text"], "annotations": []}]}
        for call in calls(step):
            yield {"type": "function_call", "id": "fc_" + call["id"], "call_id": call["id"], "name": call["name"], "status": "completed",
                   "arguments": arguments(call)}

    @classmethod
    def whole(cls, step, status=None):
        asked, given = usage(step)
        why = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(step.get("finish"))
        return {"id": "resp_1", "object": "response", "created_at": 1, "model": step["model"], "error": None,
                "status": status or ("incomplete" if why else "completed"), "incomplete_details": {"reason": why} if why else None,
                "output": [] if status else list(cls.items(step)), "parallel_tool_calls": True, "tools": [], "tool_choice": "auto",
                "usage": None if status else {"input_tokens": asked, "output_tokens": given, "total_tokens": asked + given}}

    @classmethod
    def events(cls, step):
        count = iter(range(1 << 30))

        def event(kind, **more):
            return kind, dict({"type": kind, "sequence_number": next(count)}, **more)
        yield event("response.created", response=cls.whole(step, "in_progress"))
        for i, item in enumerate([] if step.get("late") else cls.items(step)):
            yield from cls.item_events(step, i, item, event)
        whole = cls.whole(step)
        yield event("response." + whole["status"], response=whole)

    @staticmethod
    def item_events(step, i, item, event):
        if item["type"] == "function_call":
            yield event("response.output_item.added", output_index=i, item=dict(item, arguments="", status="in_progress"))
            for piece in argument_pieces(item):
                yield event("response.function_call_arguments.delta", output_index=i, item_id=item["id"], delta=piece)
            yield event("response.function_call_arguments.done", output_index=i, item_id=item["id"], arguments=item["arguments"])
        elif item["type"] == "message":
            at = {"output_index": i, "item_id": item["id"], "content_index": 0}
            yield event("response.output_item.added", output_index=i, item=dict(item, content=[], status="in_progress"))
            yield event("response.content_part.added", **at, part={"type": "output_text", "text": "", "annotations": []})
            for piece in pieces(step):
                yield event("response.output_text.delta", **at, delta=piece)
            yield event("response.output_text.done", **at, text=step["text"])
            yield event("response.content_part.done", **at, part=item["content"][0])
        yield event("response.output_item.done", output_index=i, item=item)

    @staticmethod
    def wrong(body):
        if body.get("store") is not False:
            return "it wants to be stored"
        asked, got = [], []
        for item in body["input"]:
            kind = item.get("type", "message")
            if kind == "function_call":
                asked.append(item["call_id"])
                if not isinstance(json.loads(item["arguments"]), dict):
                    return "arguments that are none"
            elif kind == "function_call_output":
                got.append(item["call_id"])
                if not isinstance(item["output"], str) or item["call_id"] not in asked:
                    return "an output that answers nothing"
            elif kind == "reasoning":
                if not item["encrypted_content"]:
                    return "reasoning that is not stored"
            elif kind != "message" or item["role"] not in ("system", "user", "assistant") or not isinstance(item["content"], str):
                return "an item that is none"
        for tool in body.get("tools", []):
            if tool["type"] != "function" or tool["parameters"]["type"] != "object" or "name" not in tool:
                return "a tool that is none"
        return answered(asked, got)


class Messages:
    path = "/messages"

    @staticmethod
    def key(headers):
        return headers.get("x-api-key") or ""

    @staticmethod
    def finish(step):
        usual = "tool_use" if step.get("calls") else "end_turn"
        return {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"}.get(step.get("finish"), usual)

    @staticmethod
    def blocks(step):
        if step.get("reasoning"):
            yield {"type": "thinking", "thinking": step["reasoning"], "signature": "c2ln" + step["reasoning"]}
            yield {"type": "redacted_thinking", "data": "b3BhcXVl"}
        if step.get("text"):
            yield {"type": "text", "text": step["text"]}
        for call in calls(step):
            yield {"type": "tool_use", "id": call["id"], "name": call["name"], "input": call.get("arguments", {})}

    @classmethod
    def whole(cls, step):
        asked, given = usage(step)
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": step["model"], "content": list(cls.blocks(step)),
                "stop_reason": cls.finish(step), "stop_sequence": None, "usage": {"input_tokens": asked, "output_tokens": given}}

    @classmethod
    def events(cls, step):
        asked, given = usage(step)

        def event(kind, **more):
            return kind, dict({"type": kind}, **more)
        yield event("message_start", message=dict(cls.whole(step), content=[], stop_reason=None, usage={"input_tokens": asked, "output_tokens": 1}))
        yield event("ping")
        for i, block in enumerate(cls.blocks(step)):
            empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}.get(block["type"], {})
            yield event("content_block_start", index=i, content_block=dict(block, **empty))
            for delta in cls.deltas(step, block):
                yield event("content_block_delta", index=i, delta=delta)
            yield event("content_block_stop", index=i)
        yield event("message_delta", delta={"stop_reason": cls.finish(step), "stop_sequence": None}, usage={"output_tokens": given})
        yield event("message_stop")

    @staticmethod
    def deltas(step, block):
        if block["type"] == "text":
            yield from ({"type": "text_delta", "text": piece} for piece in pieces(step))
        elif block["type"] == "thinking":
            yield {"type": "thinking_delta", "thinking": block["thinking"]}
            yield {"type": "signature_delta", "signature": block["signature"]}
        elif block["type"] == "tool_use" and block["input"] != {}:
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in [""] + argument_pieces({"arguments": block["input"]}))

    @staticmethod
    def error(step):
        return {"type": "error", "error": dict({"type": "api_error", "message": "it failed"}, **step.get("error", {}))}

    @staticmethod
    def wrong(body):
        if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
            return "max_tokens: field required"
        if not body["messages"] or body["messages"][0]["role"] != "user":
            return "the first message is not the user's"
        asked = []
        for n, message in enumerate(body["messages"]):
            if message["role"] != ("user", "assistant")[n % 2] or not message["content"]:
                return "roles do not take turns, or a message is empty"
            blocks = message["content"]
            if any(block["type"] == "text" and not block["text"] for block in blocks):
                return "an empty text"
            results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
            if answered(asked, results) or any(block["type"] != "tool_result" for block in blocks[:len(results)]):
                return f"the calls {asked} are answered by {results}, and first"
            asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
            if any(not isinstance(block["input"], dict) for block in blocks if block["type"] == "tool_use"):
                return "an input that is no object"
        if not body.get("tools") and any(block["type"] == "tool_use" for message in body["messages"] for block in message["content"]):
            return "Requests which include `tool_use` blocks must define tools"
        for tool in body.get("tools", []):
            if tool["input_schema"]["type"] != "object":
                return "a tool that is none"
        return "calls without results" if asked else None


APIS = {"chat": Chat, "responses": Responses, "messages": Messages}
