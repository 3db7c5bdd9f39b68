import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { operation } from "../../src/api/why.ts";
import type { WhyResult } from "../../src/api/why-shape.ts";
import { documentOf } from "../operations.ts";
import { type BuildMode, goVersions, skipReason, startSubject } from "../subjects.ts";

// A stripped program has the ledger of its unstripped twin: nothing of the runtime's own memory is without a name.

const MiB = 2 ** 20;
const twins: readonly (readonly [string, readonly string[]])[] = [
	["fragmentation", []],
	["livemap", ["-mib", "128"]],
];

async function ledgerOf(name: string, args: readonly string[], go: string, mode: BuildMode): Promise<WhyResult> {
	// one collection, at its own call: how far a heap outgrows its goal while it is marked is a matter of speed
	await using subject = await startSubject(name, { go, mode, args, env: { GOGC: "off" } });
	await subject.stop();
	const result = (await documentOf(operation, { target: String(subject.pid) })) as unknown as WhyResult;
	await subject.resume();
	return result;
}

describe("a stripped program's ledger is that of its unstripped twin", () => {
	for (const go of goVersions) {
		for (const [name, args] of twins) {
			test(`${name}, go${go}`, async (t) => {
				const skip = await skipReason(name, { go });
				if (skip !== false) return t.skip(skip);
				const plain = await ledgerOf(name, args, go, "plain");
				for (const mode of ["stripped", "stripped-pie"] as const) {
					const stripped = await ledgerOf(name, args, go, mode);
					const anonymous = stripped.lines.filter((line) => line.id.startsWith("anon."));
					const unnamed = anonymous.reduce((n, line) => n + line.bytes, 0);
					assert.ok(unnamed < stripped.rssBytes / 100, `${mode}: ${JSON.stringify(anonymous)}`);
					for (const id of new Set([...plain.lines, ...stripped.lines].map((line) => line.id))) {
						// what depends on when the collector and the scavenger ran, or on how it was linked
						if (!/^(heap\.live|runtime\.|stacks\.)/.test(id)) continue;
						const of = (result: WhyResult) => result.lines.find((line) => line.id === id)?.bytes ?? 0;
						const [one, other] = [of(plain), of(stripped)];
						assert.ok(
							Math.abs(one - other) <= Math.max(MiB / 2, one / 20),
							`${mode} ${id}: ${other} bytes, ${one} in the plain one`,
						);
					}
				}
			});
		}
	}
});
