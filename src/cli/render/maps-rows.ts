import type { MapsMapping, MapsResult } from "../../api/maps-shape.ts";
import { bytes, count } from "../../figures/figures.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";

interface Column {
	readonly head: string;
	readonly right?: boolean;
	readonly paths?: boolean;
	readonly cell: (m: MapsMapping) => string;
}

const size = (value: number | undefined) => (value === undefined ? "" : bytes(value));
const changed = (value: number) => (value === 0 ? "" : bytes(value, { sign: true }));

/** A row per mapping, by address. */
export function mappingRows(r: MapsResult, terminal: Terminal): string[] {
	const some = (of: (m: MapsMapping) => number | undefined) => r.mappings.some((m) => (of(m) ?? 0) > 0);
	const columns: Column[] = [
		{ head: "ADDRESS", right: true, cell: (m) => m.start.slice(2) },
		{ head: "MODE", cell: (m) => m.permissions },
		{ head: "SIZE", right: true, cell: (m) => size(m.sizeBytes) },
		{ head: "RSS", right: true, cell: (m) => size(m.rssBytes) },
		...(r.pssBytes === undefined
			? []
			: [
					{ head: "PSS", right: true, cell: (m: MapsMapping) => size(m.pssBytes) },
					{ head: "DIRTY", right: true, cell: (m: MapsMapping) => size(m.privateDirtyBytes) },
				]),
		...(some((m) => m.swapBytes) ? [{ head: "SWAP", right: true, cell: (m: MapsMapping) => size(m.swapBytes) }] : []),
		...(some((m) => m.hugeBytes) ? [{ head: "HUGE", right: true, cell: (m: MapsMapping) => size(m.hugeBytes) }] : []),
		...(r.growth === undefined
			? []
			: [
					{
						head: "GROWTH",
						right: true,
						cell: (m: MapsMapping) =>
							m.change === undefined ? "" : m.change.kind === "new" ? "new" : changed(m.change.rssBytes),
					},
				]),
		{ head: "NAME", paths: true, cell: nameOf },
	];
	const cells = r.mappings.map((m) => columns.map((column) => column.cell(m)));
	const [head = "", ...lines] = table(columns, cells, terminal.rowColumns - 2).split("\n");
	const shown = r.owners.reduce((n, owner) => n + owner.mappings, 0);
	const of =
		r.view.owner === undefined
			? []
			: ["", `  ${count(r.mappings.length)} of ${count(shown)} mappings are ${r.view.owner}`];
	return [terminal.style("dim", `  ${head}`), ...lines.map((line) => `  ${line}`), ...of];
}

/** The name, how many of the program's own lists it is, and who shares it. */
function nameOf(m: MapsMapping): string {
	const others = (m.shares ?? []).slice(1).filter((share) => share.rssBytes !== 0 || m.rssBytes === 0);
	const lists = (m.registered?.count ?? 1) > 1 ? ` ×${count(m.registered?.count ?? 1)}` : "";
	return [`${m.name}${others.length === 0 ? lists : ""}`, ...others.map((share) => shortOwner(share.owner))].join(
		" + ",
	);
}

/** The last part of an owner's id: syscall.Mmap, page bitmap, libc.so.6. */
function shortOwner(owner: string): string {
	const named = /^(?:anon\.mmap|runtime\.metadata|libs|c)\.(.*)$/.exec(owner)?.[1] ?? owner;
	return named.replaceAll("-", " ");
}

/** Changes that are listed under the owners. */
const CHANGES = 12;

/** The mappings that changed most since the first reading or the baseline; with --all they stand in their rows. */
export function changeRows(r: MapsResult, terminal: Terminal): string[] {
	if (r.growth === undefined) return [];
	const gone = r.growth.gone.map((m) => ({
		kind: "gone",
		rss: -m.rssBytes,
		size: -m.sizeBytes,
		address: m.start,
		name: m.name,
	}));
	const here = r.mappings.flatMap((m) =>
		m.change === undefined
			? []
			: [{ kind: m.change.kind, rss: m.change.rssBytes, size: m.change.sizeBytes, address: m.start, name: nameOf(m) }],
	);
	const changes = (r.view.all ? gone : [...gone, ...here]).sort(
		(a, b) => Math.abs(b.rss) - Math.abs(a.rss) || Math.abs(b.size) - Math.abs(a.size),
	);
	if (changes.length === 0) return [];
	const columns = [
		{ head: "CHANGE" },
		{ head: "RSS", right: true },
		{ head: "SIZE", right: true },
		{ head: "ADDRESS", right: true },
		{ head: "NAME", paths: true },
	];
	const cells = changes
		.slice(0, CHANGES)
		.map((c) => [c.kind, changed(c.rss), changed(c.size), c.address.slice(2), c.name]);
	const [head = "", ...lines] = table(columns, cells, terminal.rowColumns - 2).split("\n");
	const more = changes.length > CHANGES ? [`  and ${count(changes.length - CHANGES)} more: --json has them`] : [];
	return ["", terminal.style("dim", `  ${head}`), ...lines.map((line) => `  ${line}`), ...more];
}
