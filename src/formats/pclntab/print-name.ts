/** First release with generic methods, whose tracebacks print two lists of type arguments. */
const GENERIC_METHODS = 27;

/**
 * A function's name as Go prints it in tracebacks and profiles: type arguments replaced by "[...]". Since Go 1.21 the table
 * holds them in full ("main.Map[go.shape.int]"); before, the linker had replaced them already.
 *
 * Follows funcNamePiecesForPrint (runtime/traceback.go): up to Go 1.26 all from the first "[" to the last "]" is replaced;
 * 1.27 keeps what stands between two lists, so that "T[A].M[B]" prints as "T[...].M[...]", and leaves names whose brackets
 * do not pair as they are.
 */
export function printName(name: string, goMinor: number): string {
	const open = name.indexOf("[");
	if (open < 0) return name;
	const close = name.lastIndexOf("]");
	if (close <= open) return name;
	const interior = name.slice(open + 1, close);
	const head = `${name.slice(0, open)}[...]`;
	const tail = name.slice(close + 1);
	if (goMinor < GENERIC_METHODS || !interior.includes("[")) return head + tail;
	const between = betweenLists(interior);
	if (between === "unpaired") return name;
	return between === "one list" ? head + tail : `${head}${interior.slice(between.from, between.to)}[...]${tail}`;
}

/**
 * Where the text between two lists of type arguments is, given the text from after the first "[" to before the last "]";
 * or that there is one list (all its brackets are nested), or that the brackets do not pair.
 */
function betweenLists(interior: string): { readonly from: number; readonly to: number } | "one list" | "unpaired" {
	let depth = 1;
	let closed = -1;
	for (let i = 0; i < interior.length; i++) {
		const c = interior[i];
		if (c === "[" && ++depth === 1) return { from: closed + 1, to: i };
		if (c === "]") {
			depth--;
			if (depth < 0) return "unpaired";
			if (depth === 0) closed = i;
		}
	}
	return depth === 1 ? "one list" : "unpaired";
}
