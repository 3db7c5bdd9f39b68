import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { matrixModes, measureCell } from "../matrix.ts";
import { goVersions, skipReason } from "../subjects.ts";

// three releases by default; all with GOMEM_TEST_MATRIX=full, as the nightly run and `npm run matrix` have it
describe("every Go, every form: MemStats, the ledger and the goroutines of a stopped process", () => {
	for (const go of goVersions) {
		for (const mode of matrixModes) {
			test(`go${go} ${mode}`, async (t) => {
				const skip = await skipReason("goroutines", { go, mode });
				if (skip !== false) return t.skip(skip);
				const cell = await measureCell(go, mode);
				assert.ok(cell.fields > 300, `${cell.fields} fields compared`);
				assert.deepEqual(cell.differing, []);
				assert.deepEqual(cell.groupsDiffering, []);
				assert.ok(cell.groups >= 5, `${cell.groups} groups compared`);
				assert.ok(cell.residualShare <= 0.005, `residual ${cell.residualShare}`);
				assert.ok(cell.anonymousShare <= 0.005, `anonymous ${cell.anonymousShare}`);
			});
		}
	}
});
