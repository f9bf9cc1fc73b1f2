// shannon.v1.Executor with grpc-js, a client that is not ours: executes, streams, uses a session, cancels, and meets every
// error. SHANNON: the program. NODE_PATH: where package.json was installed.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { mkdtempSync, rmSync, symlinkSync, existsSync } = require("node:fs");
const { homedir, tmpdir } = require("node:os");
const { join } = require("node:path");
const { createInterface } = require("node:readline");
const { after, before, describe, test } = require("node:test");

const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const PROTO = join(__dirname, "..", "..", "..", "proto");
const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true, includeDirs: [PROTO] };
const shannon = grpc.loadPackageDefinition(loader.loadSync("shannon/v1/executor.proto", options)).shannon.v1;
const health = grpc.loadPackageDefinition(loader.loadSync("grpc/health/v1/health.proto", options)).grpc.health.v1;

class Service {
    async start(env = {}) {
        this.home = mkdtempSync(join(tmpdir(), "shannon-"));
        const usual = process.env.SHANNON_HOME || join(homedir(), ".local/share/shannon");
        for (const name of ["native", "images"])  // compiled once for all
            if (existsSync(join(usual, name))) symlinkSync(join(usual, name), join(this.home, name));
        this.process = spawn(process.env.SHANNON, ["agent-core", "--grpc", "127.0.0.1:0"],
            { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, SHANNON_HOME: this.home, ...env } });
        this.ended = new Promise((resolve) => this.process.on("exit", (code, signal) => resolve(signal || code)));
        const [line] = await new Promise((resolve) =>
            createInterface({ input: this.process.stdout }).once("line", (...args) => resolve(args)));
        this.address = /serves gRPC on ([^ ,]+)/.exec(line)[1];
        this.clients = [];
        this.executor = this.client();
    }

    client(Client = shannon.Executor) {
        const client = new Client(this.address, grpc.credentials.createInsecure());
        this.clients.push(client);
        return client;
    }

    call(method, request, { metadata = new grpc.Metadata(), ...more } = {}, client = this.executor) {
        return new Promise((resolve, reject) =>
            client[method](request, metadata, more, (error, answer) => (error ? reject(error) : resolve(answer))));
    }

    execute(code, more = {}, callOptions = {}) {
        return this.call("Execute", { code, ...more }, callOptions);
    }

    async refused(code, promise, text = /./) {
        await assert.rejects(promise, (error) => {
            assert.equal(grpc.status[error.code], code, error.details);
            assert.match(error.details, text);
            return true;
        });
    }

    async stop() {
        for (const client of this.clients) client.close();
        this.process.kill("SIGTERM");
        const end = await this.ended;
        rmSync(this.home, { recursive: true });
        return end;
    }
}

function served(name, env, body) {
    describe(name, () => {
        const service = new Service();
        before(() => service.start(env));
        after(async () => assert.equal(await service.stop(), 0));
        body(service);
    });
}

served("a service", {}, (s) => {
    test("executes", async () => {
        const r = await s.execute("import sys\nprint('hé')\nprint('no', file=sys.stderr)\n6 * 7");
        assert.deepEqual([r.status, r.stdout, r.stderr, r.exit_code], ["STATUS_OK", "hé\n", "no\n", 0]);
        assert.deepEqual(r.result.representations, [{ type: "text/plain", data: "42" }]);
        assert.equal(r.error, null);
        const failed = await s.execute("1/0");
        assert.deepEqual([failed.status, failed.error.name], ["STATUS_ERROR", "ZeroDivisionError"]);
    });

    test("takes stdin, files and arguments", async () => {
        const r = await s.execute("import sys\nprint(input(), sys.argv[1:], open('/tmp/a.txt').read())",
            { stdin: Buffer.from("in\n"), files: [{ path: "a.txt", content: Buffer.from("file") }], args: ["program", "x"] });
        assert.equal(r.stdout, "in ['x'] file\n");
    });

    test("streams while it runs", async () => {
        const start = performance.now();
        const seen = [];
        const call = s.executor.ExecuteStream({ code: "import time\nfor i in range(3):\n    print(i)\n    time.sleep(0.2)\n'end'" });
        for await (const event of call) seen.push([event.event, performance.now() - start, event]);
        assert.deepEqual(seen.map(([kind]) => kind), ["stdout", "stdout", "stdout", "result", "done"]);
        assert.ok(seen[0][1] < 200 && seen[2][1] > 350, String(seen.map(([, ms]) => ms)));
        assert.equal(seen[4][2].done.stdout, "0\n1\n2\n");
    });

    test("keeps, forks and rewinds a session", async () => {
        assert.equal((await s.execute("import math\nx = [1]", { session_id: "a" })).step, 1);
        assert.equal((await s.execute("x.append(math.floor(2.5))", { session_id: "a" })).step, 2);
        assert.equal((await s.call("ForkSession", { id: "a", new_id: "b" })).step, 2);
        assert.equal((await s.call("RewindSession", { id: "a", step: 1 })).step, 1);
        assert.equal((await s.execute("print(x)", { session_id: "a" })).stdout, "[1]\n");
        assert.equal((await s.execute("print(x)", { session_id: "b" })).stdout, "[1, 2]\n");
        const list = await s.call("ListSessions", {});
        assert.deepEqual(list.sessions.map(({ id }) => id), ["a", "b"]);
        await s.call("DeleteSession", { id: "b" });
        await s.refused("NOT_FOUND", s.call("GetSession", { id: "b" }), /b/);
    });

    test("cancels", async () => {
        const call = s.executor.ExecuteStream({ code: "print('on')\nwhile True: pass" });
        const ended = new Promise((resolve) => call.on("error", resolve));
        await new Promise((resolve) => call.once("data", resolve));
        call.cancel();
        assert.equal(grpc.status[(await ended).code], "CANCELLED");
    });

    test("keeps to a deadline", async () => {
        const start = performance.now();
        await s.refused("DEADLINE_EXCEEDED", s.execute("while True: pass", {}, { deadline: Date.now() + 500 }));
        assert.ok(performance.now() - start < 1500);
    });

    test("says what is wrong", async () => {
        await s.refused("INVALID_ARGUMENT", s.execute(""), /code/);
        await s.refused("INVALID_ARGUMENT", s.execute("1", { timeout_seconds: 100 }), /from 1 to 60/);
        await s.refused("INVALID_ARGUMENT", s.execute("1", { session_id: "a b" }), /session/);
        await s.refused("RESOURCE_EXHAUSTED", s.execute("1", { stdin: Buffer.alloc(90 << 20) }));
        const other = new grpc.Client(s.address, grpc.credentials.createInsecure());
        s.clients.push(other);
        const same = (x) => x;
        await s.refused("UNIMPLEMENTED", new Promise((resolve, reject) => other.makeUnaryRequest("/shannon.v1.Executor/Nothing", same, same,
            Buffer.alloc(0), (error, answer) => (error ? reject(error) : resolve(answer)))));
    });

    test("tells its limits and its health", async () => {
        const limits = await s.call("GetLimits", {});
        assert.deepEqual([limits.code_bytes, limits.memory_mb, limits.timeout_seconds], [1 << 20, 256, 60]);
        const { status } = await s.call("Check", { service: "" }, {}, s.client(health.Health));
        assert.equal(status, "SERVING");
    });

    test("carries a thousand clients", async () => {
        const clients = Array.from({ length: 1000 }, () => new shannon.Executor(s.address, grpc.credentials.createInsecure(),
            { "grpc.use_local_subchannel_pool": 1 }));
        const ends = await Promise.allSettled(clients.map((client) => s.call("Execute", { code: "print(1)" }, {}, client)));
        for (const client of clients) client.close();
        const failed = ends.filter(({ status }) => status === "rejected").map(({ reason }) => grpc.status[reason.code]);
        assert.ok(failed.every((code) => code === "RESOURCE_EXHAUSTED"), String(new Set(failed)));
        const right = ends.filter(({ value }) => value && value.stdout === "1\n").length;
        assert.equal(right + failed.length, 1000);
        assert.ok(right >= 200, `${right} of 1000`);
    });
});

served("a service with a token", { SHANNON_API_TOKEN: "0123456789abcdef" }, (s) => {
    test("asks for it", async () => {
        await s.refused("UNAUTHENTICATED", s.execute("1"), /authorization/);
        const metadata = new grpc.Metadata();
        metadata.set("authorization", "Bearer 0123456789abcdef");
        assert.equal((await s.execute("print(1)", {}, { metadata })).stdout, "1\n");
    });
});

served("a service with one worker", { SHANNON_WORKERS: "1", SHANNON_QUEUE: "1" }, (s) => {
    test("refuses what it cannot carry", async () => {
        const ends = await Promise.allSettled(Array.from({ length: 5 }, () => s.execute("import time; time.sleep(0.5)")));
        const codes = ends.filter(({ status }) => status === "rejected").map(({ reason }) => grpc.status[reason.code]);
        assert.deepEqual([...new Set(codes)], ["RESOURCE_EXHAUSTED"]);
    });
});

test("a service that has gone is unavailable", async () => {
    const s = new Service();
    await s.start();
    s.process.kill("SIGKILL");
    await s.ended;
    await s.refused("UNAVAILABLE", s.execute("1"));
    await s.stop();
});
