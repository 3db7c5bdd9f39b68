import type { Profile } from "../../formats/pprof/model.ts";
import { ExtendedStrings } from "../strings-extended.ts";

/**
 * Function names as pprof shows them: a name that looks like C++ already demangled loses its parameters and template
 * arguments (google/pprof internal/symbolizer/symbolizer.go, demangleSingleFunction; its default mode). That also meets Go
 * names with type parameters outside of a receiver: `a.(*T).f.Map[...].func1` becomes `a..f.Map[...].func1`. Mangled names
 * stay as they are.
 */
export function simplifyNames(profile: Profile): Profile {
	const { functions } = profile;
	const strings = new ExtendedStrings(profile.strings);
	const looksMangled = candidates(profile);
	const simplified = new Map<number, number>();
	let name: Uint32Array | undefined;
	for (let f = 0; f < functions.count; f++) {
		const before = functions.name[f]!;
		const system = functions.systemName[f]!;
		if (before !== 0 && before !== system) continue;
		let after = looksMangled[system] === 1 ? simplified.get(system) : system;
		if (after === undefined) {
			const text = strings.text(system);
			const simple = simplifiedName(text);
			after = simple === text ? system : strings.intern(simple);
			simplified.set(system, after);
		}
		if (after === before) continue;
		name ??= functions.name.slice();
		name[f] = after;
	}
	return name === undefined ? profile : { ...profile, strings, functions: { ...functions, name } };
}

/** Flags of the strings that have a bracket or a double colon: most names have none, and are not even decoded. */
function candidates({ strings, functions }: Profile): Uint8Array {
	const flags = new Uint8Array(strings.count);
	const looked = new Uint8Array(strings.count);
	for (const row of functions.systemName) {
		if (looked[row] === 1) continue;
		looked[row] = 1;
		const bytes = strings.bytes(row);
		for (let i = 0; i < bytes.length; i++) {
			const byte = bytes[i]!;
			// < > [ ] and ::
			if (
				byte === 0x3c ||
				byte === 0x3e ||
				byte === 0x5b ||
				byte === 0x5d ||
				(byte === 0x3a && bytes[i + 1] === 0x3a)
			) {
				flags[row] = 1;
				break;
			}
		}
	}
	return flags;
}

function simplifiedName(name: string): string {
	// Java constructors (class.<init>) and Go methods of generic types (pkg.(*T[...]).M) are left alone.
	if (name.includes(".<") || name.includes("]).") || !(/[<>[\]]/.test(name) || name.includes("::"))) return name;
	return withoutNested(withoutNested(name, "(", ")"), "<", ">");
}

/** The name without what stands between the brackets, nested ones included, up to a bracket that closes nothing. */
function withoutNested(name: string, open: string, close: string): string {
	let result = name;
	let depth = 0;
	let first = 0;
	for (let at = 0; at < result.length; at++) {
		if (result[at] === open) {
			if (depth++ === 0) first = at;
		} else if (result[at] === close) {
			depth--;
			if (depth < 0) return result;
			if (depth === 0) {
				result = result.slice(0, first) + result.slice(at + 1);
				at = first - 1;
			}
		}
	}
	return result;
}
