// A task's events as a browser would follow them: with an EventSource that is not ours. SHANNON: the program. NODE_PATH: where
// package.json was installed.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { mkdtempSync, rmSync, symlinkSync, existsSync } = require("node:fs");
const http = require("node:http");
const { homedir, tmpdir } = require("node:os");
const { join } = require("node:path");
const { createInterface } = require("node:readline");
const { after, before, describe, test } = require("node:test");

const { EventSource } = require("eventsource");

const NAMES = ["WORKFLOW_STARTED", "TOOL_INVOKED", "TOOL_OBSERVATION", "LLM_PARTIAL", "PROGRESS", "ERROR_OCCURRED", "WORKFLOW_COMPLETED"];

let home, service, url;

before(async () => {
    home = mkdtempSync(join(tmpdir(), "shannon-"));
    const usual = process.env.SHANNON_HOME || join(homedir(), ".local/share/shannon");
    for (const name of ["native", "images"])  // compiled once for all
        if (existsSync(join(usual, name))) symlinkSync(join(usual, name), join(home, name));
    service = spawn(process.env.SHANNON, ["serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"], {
        stdio: ["ignore", "pipe", "ignore"],
        env: { ...process.env, SHANNON_HOME: home, SHANNON_TASKS_ADDR: "127.0.0.1:0", SHANNON_TASKS_HTTP_ADDR: "127.0.0.1:0" },
    });
    for await (const line of createInterface({ input: service.stdout }))
        if ((url = /http:\/\/\S+/.exec(line)?.[0])) break;
});

after(async () => {
    const ended = new Promise((resolve) => service.on("exit", resolve));
    service.kill();
    await ended;
    rmSync(home, { recursive: true });
});

async function submit(query) {
    const response = await fetch(url + "/api/v1/tasks", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ query }) });
    assert.equal(response.status, 200);
    return (await response.json()).task_id;
}

// All events until the source closes, or until `enough` of them says so.
function follow(at, enough = () => false) {
    return new Promise((resolve) => {
        const source = new EventSource(at), events = [];
        let opened = 0;
        const end = () => { source.close(); resolve({ events, opened }); };
        source.onopen = () => opened++;
        source.onerror = () => { if (source.readyState === EventSource.CLOSED) end(); };
        for (const name of NAMES)
            source.addEventListener(name, (event) => {
                events.push({ name, id: event.lastEventId, data: JSON.parse(event.data) });
                if (enough(event)) end();
            });
    });
}

const ids = (events) => events.map((event) => Number(event.id));
const upTo = (count) => Array.from({ length: count }, (_, i) => i + 1);

describe("EventSource", () => {
    test("follows a task to its end, and does not begin again", { timeout: 60000 }, async () => {
        const task = await submit("Execute Python: import time\nfor i in range(3):\n    print('é', i, flush=True)\n    time.sleep(0.1)\n6 * 7");
        const { events, opened } = await follow(`${url}/api/v1/tasks/${task}/stream`);
        assert.equal(opened, 1); // the second time it was told that this was all
        assert.deepEqual(ids(events), upTo(events.length));
        assert.equal(events[0].name, "WORKFLOW_STARTED");
        const last = events.at(-1);
        assert.deepEqual([last.name, last.data.status, last.data.result], ["WORKFLOW_COMPLETED", "completed", "é 0\né 1\né 2\n42"]);
        const pieces = events.filter((event) => event.name === "TOOL_OBSERVATION" && event.data.partial);
        assert.equal(pieces.map((event) => event.data.message).join(""), "é 0\né 1\né 2\n");
        assert.ok(pieces.length >= 3); // as they were printed
        for (const event of events) assert.deepEqual([event.data.type, String(event.data.seq), event.data.workflow_id], [event.name, event.id, task]);
    });

    test("goes on where a lost connection ended", { timeout: 60000 }, async (t) => {
        // Something between the two that cuts each connection after some bytes, until it has done so three times.
        let cuts = 0;
        const between = http.createServer((request, answer) => {
            const { host, ...headers } = request.headers;
            http.get(url + request.url, { headers }, (from) => {
                answer.writeHead(from.statusCode, from.headers);
                let left = cuts < 3 ? 1000 : Infinity;
                from.on("data", (data) => {
                    answer.write(data.subarray(0, left));
                    left -= data.length;
                    if (left <= 0) {
                        cuts++;
                        from.destroy();
                        answer.destroy();
                    }
                });
                from.on("end", () => answer.end());
                from.on("error", () => {});
            });
        });
        await new Promise((resolve) => between.listen(0, "127.0.0.1", resolve));
        t.after(() => { between.close(); between.closeAllConnections(); });
        const task = await submit("Execute Python: for i in range(40): print(i, flush=True)");
        const { events } = await follow(`http://127.0.0.1:${between.address().port}/api/v1/tasks/${task}/stream`);
        assert.equal(cuts, 3);
        assert.deepEqual(ids(events), upTo(events.length));
        assert.equal(events.at(-1).data.result, upTo(40).map((i) => `${i - 1}\n`).join(""));
    });

    test("sees a cancelled task end", { timeout: 60000 }, async () => {
        const task = await submit("Execute Python: while True: pass");
        const { events } = await follow(`${url}/api/v1/stream/sse?workflow_id=${task}`, (event) => {
            if (event.type === "WORKFLOW_STARTED") fetch(`${url}/api/v1/tasks/${task}/cancel`, { method: "POST" });
            return event.type === "WORKFLOW_COMPLETED";
        });
        assert.equal(events.at(-1).data.status, "cancelled");
    });

    test("is refused for good where there is no task", { timeout: 60000 }, async () => {
        const { events, opened } = await follow(`${url}/api/v1/tasks/none/stream`);
        assert.deepEqual([events, opened], [[], 0]);
    });
});
