// The same scripted server (../model_server.py), asked by the npm packages openai and @anthropic-ai/sdk and by Shannon's own
// client (../model_client.c): what comes out is the same, and what was sent agrees. MODEL_CLIENT: the program. NODE_PATH: where
// package.json was installed.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { createInterface } = require("node:readline");
const { after, before, describe, test } = require("node:test");

const { Anthropic } = require("@anthropic-ai/sdk");
const { OpenAI } = require("openai");

const KEY = "sk-compared";
const SCHEMA = { type: "object", properties: { code: { type: "string" } }, required: ["code"] };
const RETRIES = 2;

let server, base, openai, anthropic, folder;

const post = (path, body) => fetch(base + path, { method: "POST", body: JSON.stringify(body) });
const asked = async () => (await fetch(base + "/requests")).json();

before(async () => {
    folder = mkdtempSync(join(tmpdir(), "shannon-"));
    writeFileSync(join(folder, "script.json"), "[]");
    server = spawn("/usr/bin/python3.11", [join(__dirname, "..", "model_server.py"), join(folder, "script.json"), KEY],
        { stdio: ["ignore", "pipe", "inherit"] });
    const port = await new Promise((resolve) => createInterface({ input: server.stdout }).once("line", resolve));
    base = `http://127.0.0.1:${port}`;
    openai = new OpenAI({ apiKey: KEY, baseURL: base + "/v1", maxRetries: RETRIES });
    anthropic = new Anthropic({ apiKey: KEY, baseURL: base, maxRetries: RETRIES });
});

after(() => {
    server.kill();
    rmSync(folder, { recursive: true });
});

// ---- ours ----

async function ours(api, question, key = KEY) {
    const options = { base_url: base + "/v1", api_key: key, model: "m-1", api, retries: RETRIES, pause_ms: 5 };
    const client = spawn(process.env.MODEL_CLIENT, { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, no_proxy: "127.0.0.1" } });
    client.stdin.end(JSON.stringify(options) + "\n" + JSON.stringify(question) + "\n");
    const lines = [];
    for await (const line of createInterface({ input: client.stdout })) lines.push(JSON.parse(line));
    assert.equal(lines[0].code, "ok");
    const { reply, error } = lines[1];
    if (error) return { error: error.code };
    const { text, uses, finish, model, input_tokens, output_tokens } = reply;
    if (api === "messages") // where the package has values, not text
        for (const use of uses) use.arguments = JSON.stringify(JSON.parse(use.arguments));
    return { text, uses, finish, model, input_tokens, output_tokens };
}

// ---- theirs, in our words ----

const theirs = {
    async chat({ messages, tools, stream, ...more }) {
        const body = { model: "m-1", messages: messages.map(chatMessage), ...more };
        if (tools) body.tools = tools.map(({ name, description, input_schema }) =>
            ({ type: "function", function: { name, description, parameters: input_schema } }));
        const completion = stream
            ? await openai.chat.completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion()
            : await openai.chat.completions.create(body);
        const [{ message, finish_reason }] = completion.choices;
        return {
            text: message.content || null, finish: finish_reason, model: completion.model,
            uses: (message.tool_calls || []).map(({ id, function: { name, arguments: given } }) => ({ id, name, arguments: given })),
            input_tokens: completion.usage.prompt_tokens, output_tokens: completion.usage.completion_tokens,
        };
    },
    async responses({ messages, tools, stream, max_tokens, ...more }) {
        const body = { model: "m-1", input: messages.flatMap(responseItems), store: false, include: ["reasoning.encrypted_content"], ...more };
        if (max_tokens) body.max_output_tokens = max_tokens;
        if (tools) body.tools = tools.map(({ name, description, input_schema }) =>
            ({ type: "function", name, description, parameters: input_schema, strict: false }));
        const { text, response } = stream ? await readEvents(await openai.responses.create({ ...body, stream }))
            : { response: await openai.responses.create(body) };
        const uses = response.output.filter(({ type }) => type === "function_call")
            .map(({ call_id, name, arguments: given }) => ({ id: call_id, name, arguments: given }));
        const why = { max_output_tokens: "length", content_filter: "content_filter" }[response.incomplete_details?.reason];
        return {
            text: stream ? text : response.output_text || null, uses, finish: why || (uses.length ? "tool_calls" : "stop"), model: response.model,
            input_tokens: response.usage.input_tokens, output_tokens: response.usage.output_tokens,
        };
    },
    async messages({ messages, tools, stream, max_tokens = 4096, ...more }) {
        const system = messages.filter(({ role }) => role === "system").map(({ text }) => ({ type: "text", text }));
        const body = { model: "m-1", max_tokens, system, messages: turns(messages.filter(({ role }) => role !== "system")), ...more };
        if (tools) body.tools = tools;
        const message = stream ? await anthropic.messages.stream(body).finalMessage() : await anthropic.messages.create(body);
        const finish = { end_turn: "stop", tool_use: "tool_calls", max_tokens: "length", refusal: "content_filter" };
        return {
            text: message.content.filter(({ type }) => type === "text").map(({ text }) => text).join("") || null,
            uses: message.content.filter(({ type }) => type === "tool_use").map(({ id, name, input }) => ({ id, name, arguments: JSON.stringify(input) })),
            finish: finish[message.stop_reason], model: message.model,
            input_tokens: message.usage.input_tokens, output_tokens: message.usage.output_tokens,
        };
    },
};

function blocks({ role, text, uses = [], use_id }) {
    if (role === "tool") return [{ type: "tool_result", tool_use_id: use_id, content: text }];
    const said = text ? [{ type: "text", text }] : [];
    return said.concat(uses.map(({ id, name, arguments: given }) => ({ type: "tool_use", id, name, input: JSON.parse(given) })));
}

function turns(messages) {
    const made = [];
    for (const message of messages) {
        const role = message.role === "assistant" ? "assistant" : "user";
        if (made.at(-1)?.role !== role) made.push({ role, content: [] });
        made.at(-1).content.push(...blocks(message));
    }
    return made;
}

// Not finalResponse(), which knows no response.incomplete.
async function readEvents(events) {
    let text = "", response;
    for await (const event of events) {
        if (event.type === "response.output_text.delta") text += event.delta;
        if (event.type === "response.completed" || event.type === "response.incomplete") response = event.response;
    }
    return { text: text || null, response };
}

function chatMessage({ role, text, uses, use_id }) {
    if (role === "tool") return { role, tool_call_id: use_id, content: text };
    if (!uses) return { role, content: text };
    return {
        role, content: text ?? null,
        tool_calls: uses.map(({ id, name, arguments: given }) => ({ id, type: "function", function: { name, arguments: given } })),
    };
}

function responseItems({ role, text, uses = [], use_id }) {
    if (role === "tool") return [{ type: "function_call_output", call_id: use_id, output: text }];
    const items = text ? [{ role, content: text }] : [];
    return items.concat(uses.map(({ id, name, arguments: given }) => ({ type: "function_call", call_id: id, name, arguments: given })));
}

// ---- both ----

const code = (status) => ({ 401: "unauthenticated", 403: "unauthenticated", 429: "resource_exhausted" })[status] ||
    (status >= 500 || status === 408 || status === 409 ? "unavailable" : "invalid_argument");

async function theirAnswer(api, question) {
    try {
        return await theirs[api](question);
    } catch (error) {
        if (!(error instanceof OpenAI.APIError || error instanceof Anthropic.APIError)) throw error;
        return { error: code(error.status) };
    }
}

const value = (headers, name) => headers[Object.keys(headers).find((key) => key.toLowerCase() === name)];

async function compare(api, script, question) {
    await post("/script", script);
    const mine = await ours(api, question);
    const myRequests = await asked();
    await post("/script", script);
    const other = await theirAnswer(api, question);
    const otherRequests = await asked();
    assert.deepEqual(mine, other);
    assert.equal(myRequests.length, otherRequests.length);
    myRequests.forEach(({ path, headers, body }, i) => {
        const { path: otherPath, headers: otherHeaders, body: otherBody } = otherRequests[i];
        assert.equal(path, otherPath);
        for (const name of ["authorization", "x-api-key", "anthropic-version", "content-type"])
            assert.equal(value(headers, name), value(otherHeaders, name), name);
        assert.deepEqual(Object.keys(body).sort(), Object.keys(otherBody).sort());
        for (const field of Object.keys(body)) assert.deepEqual(body[field], otherBody[field], field);
    });
    return mine;
}

const call = { id: "call_a", name: "python_executor", arguments: { code: "print('é🎉')" } };
const hello = [{ role: "system", text: "Be brief." }, { role: "user", text: "Grüße, 世界" }];
const tools = [{ name: "python_executor", description: "Runs Python.", input_schema: SCHEMA }];
const round = [...hello,
    { role: "assistant", text: "So:", uses: [{ id: "call_a", name: "python_executor", arguments: '{"code":"1"}' }, { id: "call_b", name: "python_executor", arguments: "{}" }] },
    { role: "tool", use_id: "call_a", text: "1\n" }, { role: "tool", use_id: "call_b", text: "error" },
    { role: "assistant", uses: [{ id: "call_c", name: "python_executor", arguments: '{"code":"2"}' }] },
    { role: "tool", use_id: "call_c", text: "" }, { role: "user", text: "And?" }];

const scripts = {
    "text": [{ text: "Grüße 🎉 to you", usage: [12, 34], model: "m-1-2024" }],
    "a call": [{ calls: [call] }],
    "text and calls": [{ text: "Let me see", calls: [call, { name: "other", arguments: { x: [1, { y: null }] } }] }],
    "arguments that are no JSON": [{ calls: [{ ...call, arguments: '{"code": "' }] }],
    "no arguments": [{ calls: [{ name: "now" }] }],
    "cut by its length": [{ text: "and so", finish: "length" }],
    "filtered": [{ text: "no", finish: "content_filter" }],
    "events in small pieces": [{ text: "Grüße 🎉", calls: [call], split: 3, line_end: "\r\n", comments: true }],
    "failures that pass": [{ status: 500, headers: { "Retry-After-Ms": "1" } }, { status: 429, headers: { "Retry-After-Ms": "1" } }, { text: "at last" }],
    "failures that stay": [{ status: 503, headers: { "Retry-After-Ms": "1" }, repeat: 0 }],
    "conflicts": [{ status: 409, headers: { "Retry-After-Ms": "1" }, repeat: 0 }],
    "not to be asked again": [{ status: 500, headers: { "x-should-retry": "false" } }],
    "a bad request": [{ status: 400 }],
    "no permission": [{ status: 403 }],
    "not there": [{ status: 404 }],
};

for (const api of Object.keys(theirs))
    for (const stream of [false, true])
        describe(`${api}, ${stream ? "streamed" : "whole"}`, () => {
            for (const [name, script] of Object.entries(scripts))
                if (api !== "messages" || name !== "arguments that are no JSON") // there they are an object, or an error of the package
                    test(name, () => compare(api, script, { messages: hello, tools, ...(stream && { stream }) }));
            test("a conversation with calls", async () => {
                const reply = await compare(api, [{ text: "2" }], { messages: round, tools, max_tokens: 77, temperature: 0.5, ...(stream && { stream }) });
                assert.equal(reply.text, "2");
            });
            test("another key", async () => {
                await post("/script", [{ text: "no" }]);
                assert.deepEqual(await ours(api, { messages: hello, stream }, "sk-another"), { error: "unauthenticated" });
            });
        });
