/**
 * pprof's own golden reports, byte for byte: google/pprof's internal/driver/testdata, made by its TestParse from profiles
 * that its tests build (dumped here by a test of ours in a copy of the module).
 *
 * Not here: pprof.cpu.flat.addresses.disasm and pprof.cpu.flat.addresses.weblist, which need disassembly, and
 * pprof.heap.flat.files.seconds.text, an empty report that no test of that release makes. The topproto ones are made as TestParse makes them: the profile of the top nodes, read again, as text.
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { decodeProfile } from "../../src/formats/pprof/decode.ts";
import { encodeProfile } from "../../src/formats/pprof/encode.ts";
import type { Profile } from "../../src/formats/pprof/model.ts";
import { loadProfiles } from "../../src/profile/combine/load.ts";
import { type ProfileOptions, parseOption } from "../../src/profile/options.ts";
import type { ReportFormat } from "../../src/profile/prepare.ts";
import { report } from "../../src/profile/report.ts";
import { ExtendedStrings } from "../../src/profile/strings-extended.ts";
import { goldenProfiles, pprofModule } from "./pprof-module.ts";

/** As TestParse's baseFlags has them. */
const baseOptions: Partial<ProfileOptions> = {
	unit: "minimum",
	compact_labels: true,
	nodecount: 20,
	nodefraction: 0.05,
	edgefraction: 0.01,
};

/** flags as TestParse has them, the profile, and the file with what is expected */
const cases: readonly (readonly [flags: string, profile: string, golden: string])[] = [
	["text,functions,flat", "cpu", "cpu.flat.functions.text"],
	["text,functions,noinlines,flat", "cpu", "cpu.flat.functions.noinlines.text"],
	["text,filefunctions,noinlines,flat", "cpu", "cpu.flat.filefunctions.noinlines.text"],
	["text,addresses,noinlines,flat", "cpu", "cpu.flat.addresses.noinlines.text"],
	["tree,addresses,flat,nodecount=4", "cpusmall", "cpusmall.flat.addresses.tree"],
	["text,functions,flat,nodecount=5,call_tree", "unknown", "unknown.flat.functions.call_tree.text"],
	["text,alloc_objects,flat", "heap_alloc", "heap_alloc.flat.alloc_objects.text"],
	["text,files,flat", "heap", "heap.flat.files.text"],
	["text,files,flat,focus=[12]00,taghide=[X3]00", "heap", "heap.flat.files.text.focus"],
	["text,inuse_objects,flat", "heap", "heap.flat.inuse_objects.text"],
	["text,inuse_objects,flat,all_frames", "heap", "heap.flat.inuse_objects.text.all_frames"],
	["text,lines,cum,hide=line[X3]0", "cpu", "cpu.cum.lines.text.hide"],
	["text,lines,cum,show=[12]00", "cpu", "cpu.cum.lines.text.show"],
	["text,lines,cum,hide=line[X3]0,focus=[12]00", "cpu", "cpu.cum.lines.text.focus.hide"],
	["topproto,lines,cum,hide=mangled[X3]0", "cpu", "cpu.cum.lines.topproto.hide"],
	["topproto,lines", "cpu", "cpu.lines.topproto"],
	["tree,lines,cum,focus=[24]00", "heap", "heap.cum.lines.tree.focus"],
	["tree,relative_percentages,cum,focus=[24]00", "heap", "heap.cum.relative_percentages.tree.focus"],
	["tree,lines,cum,show_from=line2", "cpu", "cpu.cum.lines.tree.show_from"],
	["callgrind", "cpu", "cpu.callgrind"],
	["callgrind,call_tree", "cpu", "cpu.call_tree.callgrind"],
	["callgrind", "heap", "heap.callgrind"],
	["dot,functions,flat", "cpu", "cpu.flat.functions.dot"],
	["dot,functions,flat,call_tree", "cpu", "cpu.flat.functions.call_tree.dot"],
	["dot,lines,flat,focus=[12]00", "heap", "heap.flat.lines.dot.focus"],
	["dot,unit=minimum", "heap_sizetags", "heap_sizetags.dot"],
	["dot,addresses,flat,ignore=[X3]002,focus=[X1]000", "contention", "contention.flat.addresses.dot.focus.ignore"],
	["dot,files,cum", "contention", "contention.cum.files.dot"],
	["comments,add_comment=some-comment", "cpu", "cpu.comments"],
	["comments", "heap", "heap.comments"],
	["tags", "cpu", "cpu.tags"],
	["tags,tagignore=tag[13],tagfocus=key[12]", "cpu", "cpu.tags.focus.ignore"],
	["tags", "heap", "heap.tags"],
	["tags,unit=bytes", "heap", "heap.tags.unit"],
	["traces", "cpu", "cpu.traces"],
	["traces,addresses", "cpu", "cpu.addresses.traces"],
	["traces", "heap_tags", "heap_tags.traces"],
	["dot,alloc_space,flat,focus=[234]00", "heap_alloc", "heap_alloc.flat.alloc_space.dot.focus"],
	["dot,alloc_space,flat,tagshow=[2]00", "heap_alloc", "heap_alloc.flat.alloc_space.dot"],
	["dot,alloc_space,flat,hide=line.*1?23?", "heap_alloc", "heap_alloc.flat.alloc_space.dot.hide"],
	["dot,inuse_space,flat,tagfocus=1mb:2gb", "heap", "heap.flat.inuse_space.dot.focus"],
	["dot,inuse_space,flat,tagfocus=30kb:,tagignore=1mb:2mb", "heap", "heap.flat.inuse_space.dot.focus.ignore"],
	["peek=line.*01", "cpu", "cpu.peek"],
	["tags,tagfocus=400kb:", "heap_request", "heap_request.tags.focus"],
	["tags,tagfocus=+400kb:", "heap_request", "heap_request.tags.focus"],
	["tags,relative_percentages,tagfocus=400kb:", "heap_request", "heap_request.relative_percentages.tags.focus"],
	["dot", "long_name_funcs", "long_name_funcs.dot"],
	["text", "long_name_funcs", "long_name_funcs.text"],
];

let profiles: string;
let goldens: string;

before(async () => {
	goldens = join(await pprofModule(), "internal", "driver", "testdata");
	profiles = await goldenProfiles(join(import.meta.dirname, "../../src/profile/testdata/golden-profiles.go.txt"));
});

for (const [flags, name, golden] of cases) {
	test(`${flags} of ${name} is pprof's golden report`, async () => {
		const profile = decodeProfile(await readFile(join(profiles, `${name}.pb`)));
		const expected = await readFile(join(goldens, `pprof.${golden}`), "utf8");
		assert.equal(rendered(profile, flags), expected);
	});
}

test("every golden report is compared but for those named above", async () => {
	const all = (await readdir(goldens)).filter((name) => name.startsWith("pprof."));
	const missing = all.filter((name) => !cases.some(([, , golden]) => name === `pprof.${golden}`));
	assert.deepEqual(missing, [
		"pprof.cpu.flat.addresses.disasm",
		"pprof.cpu.flat.addresses.weblist",
		"pprof.heap.flat.files.seconds.text",
	]);
});

interface Flags {
	readonly format: ReportFormat;
	readonly options: Partial<ProfileOptions>;
	readonly pattern: string | undefined;
	readonly allFrames: boolean;
	readonly comment: string | undefined;
}

function parsed(flags: string): Flags {
	const [first = "", ...rest] = flags.split(",");
	const [format, pattern] = first.split("=");
	let options = baseOptions;
	let comment: string | undefined;
	for (const flag of rest) {
		const [name = "", value] = flag.split("=");
		if (name === "all_frames") continue;
		if (name === "add_comment") {
			comment = value;
			continue;
		}
		const option = parseOption(name, value);
		if ("error" in option) throw new Error(option.error);
		options = { ...options, ...option.options };
	}
	return { format: format as ReportFormat, options, pattern, allFrames: rest.includes("all_frames"), comment };
}

function rendered(profile: Profile, flags: string): string {
	const { format, options, pattern, allFrames, comment } = parsed(flags);
	if (format === "topproto") return renderedTop(profile, options);
	return text(profile, format, options, { pattern, allFrames, comment });
}

/** The first run of TestParse writes the top nodes by address, with mangled names; the second one prints that profile. */
function renderedTop(profile: Profile, options: Partial<ProfileOptions>): string {
	const first = loaded({ ...profile, functions: { ...profile.functions, name: profile.functions.systemName } });
	const top = report(first, { format: "topproto", options: { ...baseOptions, granularity: "addresses" } });
	assert.ok(!("error" in top) && top.kind === "profile");
	return text(demangled(decodeProfile(encodeProfile(top.profile))), "text", options);
}

/** As the tests of pprof name functions, here of profiles without system names: "mangled1000" is "line1000". */
function demangled(profile: Profile): Profile {
	const strings = new ExtendedStrings(profile.strings);
	const name = profile.functions.name.map((row, f) => {
		const system = profile.functions.systemName[f] ?? 0;
		if (row !== 0 && row !== system) return row;
		return strings.intern(strings.text(system).replace(/^mangled(\d+)$/, "line$1"));
	});
	return { ...profile, strings, functions: { ...profile.functions, name } };
}

function text(
	profile: Profile,
	format: ReportFormat,
	options: Partial<ProfileOptions>,
	more: Partial<Omit<Flags, "format" | "options">> = {},
): string {
	const made = report(loaded(profile, more), {
		format,
		options,
		...(more.pattern === undefined ? {} : { pattern: more.pattern }),
	});
	if ("error" in made) throw new Error(made.error);
	assert.equal(made.kind, "text");
	return made.kind === "text" ? [...made.text].join("") : "";
}

function loaded(profile: Profile, more: Partial<Pick<Flags, "allFrames" | "comment">> = {}): Profile {
	const result = loadProfiles([profile], {
		keepNames: true,
		allFrames: more.allFrames ?? false,
		comment: more.comment ?? "",
	});
	if ("error" in result) throw new Error(result.error);
	return result.profile;
}
