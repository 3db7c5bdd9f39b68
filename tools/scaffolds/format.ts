/** The files of a new format: a magic and a counted list of 32-bit numbers, until it is the real thing. */
export function formatFiles(name: string): Readonly<Record<string, string>> {
	const pascal = name.replace(/(^|-)([a-z0-9])/g, (_, _dash: string, letter: string) => letter.toUpperCase());
	return {
		[`src/formats/${name}/${name}.ts`]: `import { Cursor } from "../../bytes/cursor.ts";

/** Source: the specification of ${name}, and its section. */
export interface ${pascal} {
	readonly values: Uint32Array;
}

/** "GMEM", little-endian */
const MAGIC = 0x4d454d47;
/** More values than any real file has. */
const MAX_VALUES = 1 << 24;

/** Decodes a ${name} file. Throws ParseError where the bytes are not one. */
export function parse${pascal}(bytes: Uint8Array): ${pascal} {
	const cursor = new Cursor(bytes, "${name}");
	const magic = cursor.u32("magic");
	if (magic !== MAGIC) throw cursor.error("magic", \`0x\${MAGIC.toString(16)}\`, \`0x\${magic.toString(16)}\`);
	const count = cursor.u32("count");
	if (count > MAX_VALUES || count * 4 > cursor.remaining) {
		throw cursor.error("count", \`at most \${Math.min(MAX_VALUES, cursor.remaining >> 2)}\`, String(count));
	}
	const values = new Uint32Array(count);
	for (let i = 0; i < count; i++) values[i] = cursor.u32("value");
	return { values };
}
`,
		[`src/formats/${name}/${name}.test.ts`]: `import assert from "node:assert/strict";
import { test } from "node:test";
import { ParseError } from "../../bytes/parse-error.ts";
import { parse${pascal} } from "./${name}.ts";

const sample = Uint8Array.of(0x47, 0x4d, 0x45, 0x4d, 2, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff);

test("${name}: reads what was written", () => {
	assert.deepEqual([...parse${pascal}(sample).values], [1, 0xffffffff]);
});

test("${name}: every truncation is a ParseError", () => {
	for (let length = 0; length < sample.length; length++) {
		assert.throws(() => parse${pascal}(sample.subarray(0, length)), ParseError, \`\${length} bytes\`);
	}
});

test("${name}: only ParseError escapes a flipped bit", () => {
	for (let bit = 0; bit < sample.length * 8; bit++) {
		const flipped = sample.slice();
		flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
		try {
			parse${pascal}(flipped);
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
		}
	}
});
`,
	};
}
