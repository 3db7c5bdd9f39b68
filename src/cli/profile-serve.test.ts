import assert from "node:assert/strict";
import { test } from "node:test";
import { GomemError } from "../api/errors.ts";
import { addressOf, isLoopback } from "./profile-serve.ts";

test("--http is loopback unless a host is named", () => {
	assert.deepEqual(addressOf(":8080"), { host: "127.0.0.1", port: 8080 });
	assert.deepEqual(addressOf("8080"), { host: "127.0.0.1", port: 8080 });
	assert.deepEqual(addressOf(":"), { host: "127.0.0.1", port: 0 });
	assert.deepEqual(addressOf("localhost:"), { host: "localhost", port: 0 });
	assert.deepEqual(addressOf("0.0.0.0:80"), { host: "0.0.0.0", port: 80 });
	assert.deepEqual(addressOf("[::1]:8080"), { host: "::1", port: 8080 });
	for (const wrong of [":80800", "http://x", "[::1", "a:b"]) assert.throws(() => addressOf(wrong), GomemError, wrong);
});

test("addresses that only this host reaches", () => {
	for (const own of ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"]) assert.equal(isLoopback(own), true, own);
	for (const open of ["0.0.0.0", "::", "10.0.0.1", "1.127.0.1", "fe80::1"]) assert.equal(isLoopback(open), false, open);
});
