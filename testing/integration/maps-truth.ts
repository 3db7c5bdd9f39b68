/** What the tests of maps share. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { operation } from "../../src/api/maps.ts";
import type { MapsResult } from "../../src/api/maps-shape.ts";
import { documentOf } from "../operations.ts";
import { type RunningSubject, startSubject } from "../subjects.ts";

export const maps = async (
	target: string | number,
	flags: Readonly<Record<string, unknown>> = {},
): Promise<MapsResult> => (await documentOf(operation, { target: String(target), ...flags })) as unknown as MapsResult;

export const sum = <T>(list: readonly T[], of: (one: T) => number | undefined): number =>
	list.reduce((n, one) => n + (of(one) ?? 0), 0);

export const ownerBytes = (r: MapsResult, id: string): number =>
	sum(
		r.owners.filter((o) => o.owner === id || o.owner.startsWith(`${id}.`)),
		(o) => o.rssBytes,
	);

/** A subject that stands still from the moment it is ready. */
export async function stopped(name: string, options: Parameters<typeof startSubject>[1] = {}): Promise<RunningSubject> {
	const subject = await startSubject(name, options);
	await subject.stop();
	return subject;
}

/** What holds of every reading of a process that stands still. */
export function assertWhole(r: MapsResult, pid: number): void {
	assert.equal(
		sum(r.mappings, (m) => m.rssBytes),
		r.rssBytes,
	);
	assert.equal(
		sum(r.owners, (o) => o.rssBytes),
		r.rssBytes,
		"the owners have the Rss",
	);
	assert.equal(
		sum(r.owners, (o) => o.sizeBytes),
		r.sizeBytes,
		"and the address space",
	);
	for (const field of ["pssBytes", "privateDirtyBytes", "swapBytes", "hugeBytes"] as const) {
		assert.equal(
			sum(r.owners, (o) => o[field]),
			r[field],
			field,
		);
		assert.equal(
			sum(r.mappings, (m) => m[field]),
			r[field],
			field,
		);
	}
	assert.equal(
		sum(r.owners, (o) => o.mappings),
		r.mappings.length,
	);
	for (const m of r.mappings) {
		assert.ok(m.owner !== "" && m.name !== "", `${m.start} has an owner and a name`);
		if (m.shares === undefined) continue;
		assert.equal(
			sum(m.shares, (s) => s.rssBytes),
			m.rssBytes,
			m.start,
		);
		assert.equal(
			sum(m.shares, (s) => s.sizeBytes),
			m.sizeBytes,
			m.start,
		);
	}
	// the same lines, read by the kernel for us once more
	const lines = readFileSync(`/proc/${pid}/maps`, "utf8").trimEnd().split("\n");
	assert.deepEqual(
		r.mappings.map((m) => `${m.start.slice(2)}-${m.end.slice(2)} ${m.permissions}`),
		lines.map((line) =>
			line
				.split(" ")
				.slice(0, 2)
				.join(" ")
				.replace(/\b0+(?=[0-9a-f])/g, ""),
		),
	);
}
