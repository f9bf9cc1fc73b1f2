"""/openapi.json and the routes that are served: each of them is in it, and whatever is in it is served."""

import os
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from doors import Doors

METHODS = {"get", "put", "post", "delete", "patch"}


class Openapi(Doors):
    def setUp(self):
        self.serve(SHANNON_API_TOKEN="0123456789abcdef")
        self.document = self.ask("GET", "/openapi.json").json

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS & set(item):
                yield method.upper(), path, item[method]

    def test_every_route_is_described(self):
        """The service itself marks those that are not."""
        for method, path, operation in self.operations():
            self.assertNotIn("x-undescribed", operation, path)
            self.assertTrue({"operationId", "summary", "responses", "tags"} <= set(operation), path)
        names = [operation["operationId"] for _, _, operation in self.operations()]
        self.assertEqual(len(names), len(set(names)))

    def test_every_operation_is_served(self):
        """Deletions come last; each is called with its example, and answers with a status that it names."""
        self.execute("x = 1", session_id="analysis")
        exported = self.ask("GET", "/v1/sessions/analysis/export").body
        found = sorted(self.operations(), key=lambda o: (o[0] == "DELETE", o[1]))
        self.assertGreaterEqual(len(found), 16)
        for method, path, operation in found:
            if path.startswith("/api/v1/") and path != "/api/v1/tasks":
                task = self.ask("POST", "/api/v1/tasks", {"query": "Execute Python: 1"}).json["task_id"]
                path = path.replace("{id}", task).replace("/sse", "/sse?workflow_id=" + task)
            path = path.replace("{id}", "analysis").replace("{name}", "python_executor")
            content = operation.get("requestBody", {}).get("content", {})
            body = content["application/json"]["example"] if "application/json" in content else exported if content else None
            if path == "/v1/sessions/import":
                path += "?id=imported"
            answer = self.ask(method, path, body)
            self.assertIn(str(answer.status), operation["responses"], (method, path, answer.body))
            self.assertIn(answer.status, (200, 201, 204) if path != "/agent/query" else (200, 503), (method, path, answer.body))
            wanted = operation["responses"][str(answer.status)]
            if "content" in wanted:
                self.assertIn(answer.headers["Content-Type"].split(";")[0], wanted["content"])

    def test_methods_that_are_not_there(self):
        for path in self.document["paths"]:
            filled = path.replace("{id}", "s").replace("{name}", "x").replace("{path}", "x")
            answer = self.ask("PATCH", filled)
            self.assertEqual((answer.status, answer.error["code"]), (405, "invalid_argument"), path)
            for method in self.document["paths"][path].keys() & METHODS:
                self.assertIn(method.upper(), answer.headers["Allow"])

    def test_limits_are_the_services(self):
        self.serve(WASI_TIMEOUT_SECONDS="7", WASI_MEMORY_LIMIT_MB="100")
        properties = self.ask("GET", "/openapi.json").json["components"]["schemas"]["Request"]["properties"]
        self.assertEqual((properties["timeout_seconds"]["maximum"], properties["memory_limit_mb"]["maximum"]), (7, 100))

    def test_security(self):
        self.assertEqual(self.document["security"], [{"bearer": []}])
        for method, path, operation in self.operations():
            filled = path.replace("{id}", "s").replace("{name}", "x")
            status = self.ask(method, filled, token="another").status
            self.assertEqual(status == 401, operation.get("security") != [], path)
        self.serve()
        self.assertEqual(self.ask("GET", "/openapi.json").json["security"], [{}])


tap.main(__name__)
