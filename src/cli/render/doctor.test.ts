import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { capabilitiesOf } from "../../api/doctor-capabilities.ts";
import { factsOf } from "../../api/doctor-facts.ts";
import { grantsFor } from "../../api/doctor-grants.ts";
import type { DoctorResult } from "../../api/doctor-shape.ts";
import { summaryOf } from "../../api/doctor-summary.ts";
import { ordinary } from "../../api/testdata/host-surveys.ts";
import { render } from "./doctor.ts";

const terminal = (columns: number) => ({
	columns,
	rowColumns: columns,
	color: false,
	style: (_: unknown, text: string) => text,
});

describe("gomem doctor as text", () => {
	test("begins with the sentence, fits 100 columns, and names each way once", () => {
		const host = ordinary();
		const capabilities = [...capabilitiesOf(host)];
		const ids = capabilities.flatMap((one) => one.grant ?? []);
		const document: DoctorResult = {
			summary: summaryOf(host, capabilities),
			host: { kernel: "6.12.1", machine: "x86_64", place: "host", placeSign: "", cgroup: "v2" },
			identity: {
				uid: 1000,
				capabilities: [],
				initialUserNamespace: true,
				initialPidNamespace: true,
				noNewPrivs: false,
			},
			capabilities,
			grants: [...grantsFor(capabilities, ids)],
			facts: [...factsOf(host)],
			processes: { looked: 50, executablesReadable: 3 },
			cost: { wallMs: 200, heapLimitBytes: 2 ** 32 },
		};
		const text = render(document, terminal(100));
		assert.match(text, /^gomem reads everything of processes of uid 1000; not others', because process 20/);
		assert.deepEqual(
			text.split("\n").filter((line) => line.length > 100),
			[],
		);
		assert.equal(text.match(/sudo setpriv/g)?.length, 2, "once for processes, once for eBPF");
		const narrow = render(document, terminal(40)).split("\n");
		assert.ok(narrow.length > text.split("\n").length);
		assert.match(text, /^ {2}no {7}processes of other users/m);
	});
});
