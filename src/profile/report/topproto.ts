import { ProfileBuilder } from "../../formats/pprof/builder.ts";
import type { Profile } from "../../formats/pprof/model.ts";
import { cumOf, flatOf, rowOf } from "../graph/graph.ts";
import { trimmedGraph } from "../graph/trim.ts";
import { scale } from "../measurement.ts";
import type { Prepared } from "../prepare.ts";
import { outputUnit } from "./labels.ts";

/** A profile of the report's nodes, each a sample of one location with cum and flat (internal/report, printTopProto). */
export function topProto(prepared: Prepared): Profile {
	const { graph } = trimmedGraph(prepared, "nodes");
	const { table } = graph;
	const { profile } = prepared;
	const unit = outputUnit(prepared, graph);
	const builder = new ProfileBuilder([
		{ type: "cum", unit },
		{ type: "flat", unit },
	]);
	const whole = (value: number): number => Math.trunc(scale(value, prepared.sampleUnit, unit).value) + 0;
	for (const node of graph.nodes) {
		const row = rowOf(graph, node);
		const place = builder.internFunction({
			name: table.functionName(row),
			systemName: "",
			filename: table.file(row),
			startLine: table.startLine(row),
		});
		const location = builder.location({
			address: table.address(row),
			lines: [{ function: place, line: table.line(row), column: table.column(row) }],
		});
		builder.sample([location], [whole(cumOf(graph, node)), whole(flatOf(graph, node))]);
	}
	const { timeNanos, durationNanos, periodType, period } = profile;
	return builder.finish({ timeNanos, durationNanos, periodType, period });
}
