// /openapi.json with a validator that is not ours; and whether what is answered is what it says. SHANNON: the program.
// NODE_PATH: where package.json was installed.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { mkdtempSync, rmSync, symlinkSync, existsSync } = require("node:fs");
const { homedir, tmpdir } = require("node:os");
const { join } = require("node:path");
const { createInterface } = require("node:readline");
const { after, before, describe, test } = require("node:test");
const { pathToFileURL } = require("node:url");

const Ajv = require("ajv/dist/2020");

describe("openapi.json", () => {
    let home, service, url, document, ajv;

    before(async () => {
        home = mkdtempSync(join(tmpdir(), "shannon-"));
        const usual = process.env.SHANNON_HOME || join(homedir(), ".local/share/shannon");
        for (const name of ["native", "images"])  // compiled once for all
            if (existsSync(join(usual, name))) symlinkSync(join(usual, name), join(home, name));
        service = spawn(process.env.SHANNON, ["llm-service", "--http", "127.0.0.1:0"],
            { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, SHANNON_HOME: home } });
        const line = await new Promise((resolve) => createInterface({ input: service.stdout }).once("line", resolve));
        url = /http:\/\/\S+/.exec(line)[0];
        document = await (await fetch(url + "/openapi.json")).json();
        ajv = new Ajv({ strict: false });
        ajv.addSchema({ ...document, $id: "openapi" });
    });

    after(async () => {
        const ended = new Promise((resolve) => service.on("exit", resolve));
        service.kill();
        await ended;
        rmSync(home, { recursive: true });
    });

    function check(name, value) {
        const validate = ajv.getSchema(`openapi#/components/schemas/${name}`);
        assert.ok(validate(value), `${name}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(value)}`);
    }

    async function ask(method, path, body, status) {
        const response = await fetch(url + path, {
            method, body: body && JSON.stringify(body), headers: body ? { "Content-Type": "application/json" } : {},
        });
        assert.equal(response.status, status, path);
        return response.json();
    }

    test("is valid", async () => {
        const { Validator } = await import(pathToFileURL(join(process.env.NODE_PATH, "@seriousme/openapi-schema-validator/index.js")));
        const validator = new Validator();
        const found = await validator.validate(structuredClone(document));
        assert.ok(found.valid, JSON.stringify(found.errors));
        assert.equal(validator.version, "3.1");
    });

    test("examples are what the schemas say", () => {
        for (const path of Object.values(document.paths))
            for (const operation of Object.values(path)) {
                const body = operation.requestBody?.content["application/json"];
                if (body) check(body.schema.$ref.split("/").pop(), body.example);
            }
    });

    test("answers are what the schemas say", async () => {
        for (const request of [{ code: "display(1)\n6 * 7", session_id: "s" }, { code: "1/0" }, { code: "x = 1", files: [{ path: "a", content: "" }] }]) {
            check("Request", request);
            check("Result", await ask("POST", "/v1/execute", request, 200));
            check("ToolAnswer", await ask("POST", "/tools/execute", { tool: "python_executor", parameters: request }, 200));
        }
        check("Error", await ask("POST", "/v1/execute", {}, 400));
        check("Error", await ask("GET", "/v1/sessions/nobody", null, 404));
        check("Error", await ask("GET", "/nowhere", null, 404));
        check("SessionPage", await ask("GET", "/v1/sessions", null, 200));
        check("Session", await ask("GET", "/v1/sessions/s", null, 200));
        check("Session", await ask("POST", "/v1/sessions/s/fork", { new_id: "t" }, 201));
        check("Session", await ask("POST", "/v1/sessions/t/rewind", { step: 0 }, 200));
        check("History", await ask("GET", "/v1/sessions/s/history", null, 200));
        check("Readiness", await ask("GET", "/ready", null, 200));
        check("ToolSchema", await ask("GET", "/tools/python_executor/schema", null, 200));
        for (const schema of await ask("GET", "/tools/schemas", null, 200)) {
            check("ToolSchema", schema);
            ajv.compile(schema.function.parameters);
        }
    });

    test("what the schema of a request refuses is refused", async () => {
        const validate = ajv.getSchema("openapi#/components/schemas/Request");
        for (const wrong of [{}, { code: "" }, { code: "1", timeout_seconds: 0 }, { code: "1", timeout_seconds: 61 }, { code: "1", memory_limit_mb: 8 },
            { code: "1", session_id: "a b" }, { code: "1", files: [{ path: "a" }] }, { code: "1", nothing: 1 }, { code: "1", args: [1] }, { code: "1", workspace_mb: 0 },
            { code: "1", deterministic: { seed: -1 } }, { code: "1", discard: 1 }]) {
            assert.ok(!validate(wrong), JSON.stringify(wrong));
            check("Error", await ask("POST", "/v1/execute", wrong, 400));
        }
    });
});
