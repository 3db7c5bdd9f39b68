/**
 * The verbs of Go's fmt that pprof's reports are made with. Go rounds halves to even, JavaScript away from zero; that shows
 * where the figure is a half exactly, as 0.125 is.
 */

/** %.2f */
export function fixed2(value: number): string {
	const size = Math.abs(value);
	if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
	if (size >= 1e21) return `${BigInt(value)}.00`;
	const eighth = (size % 1) * 8;
	// Of the figures with two decimals only odd eighths stand in the middle of two: 1/8 and 5/8 go down to the even one.
	if (eighth === 1 || eighth === 5) return `${value < 0 ? "-" : ""}${Math.floor(size)}.${eighth === 1 ? "12" : "62"}`;
	return value.toFixed(2);
}

/** %.2g of a figure that is not negative */
export function general2(value: number): string {
	if (value === 0) return "0";
	const halves: Readonly<Record<number, string>> = { 0.125: "0.12", 0.625: "0.62", 0.0625: "0.062" };
	const half = halves[value];
	if (half !== undefined) return half;
	const [mantissa = "", exponentText = "0"] = value.toExponential(1).split("e");
	const exponent = Number(exponentText);
	const digits = mantissa.replace(".", "").replace(/0$/, "");
	if (exponent < -4 || exponent >= 2) {
		const sign = exponent < 0 ? "-" : "+";
		const head = digits.length > 1 ? `${digits[0]}.${digits[1]}` : digits;
		return `${head}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
	}
	if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
	if (exponent === 0) return digits.length > 1 ? `${digits[0]}.${digits[1]}` : digits;
	return digits.padEnd(exponent + 1, "0");
}

/** %10s: the width counts code points, as Go's does. */
export function padLeft(text: string, width: number): string {
	const length = runeCount(text);
	return length >= width ? text : " ".repeat(width - length) + text;
}

export function runeCount(text: string): number {
	let count = text.length;
	for (let i = 1; i < text.length; i++) {
		if ((text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) count--;
	}
	return count;
}

/**
 * Compares as Go compares strings, by their bytes in UTF-8: JavaScript's own order differs where one has a rune above
 * U+FFFF and the other one from U+E000 on. Negative, 0 or positive.
 */
export function compareText(a: string, b: string): number {
	if (a === b) return 0;
	const length = Math.min(a.length, b.length);
	for (let i = 0; i < length; i++) {
		const x = a.charCodeAt(i);
		const y = b.charCodeAt(i);
		if (x !== y) return rank(x) - rank(y);
	}
	return a.length - b.length;
}

/** surrogates after everything else of the first plane */
function rank(unit: number): number {
	return unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit;
}

/** filepath.Base on Unix */
export function baseName(path: string): string {
	if (path === "") return ".";
	const trimmed = path.replace(/\/+$/, "");
	return trimmed === "" ? "/" : trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** filepath.Clean on Unix */
export function cleanPath(path: string): string {
	if (path === "") return ".";
	if (!/\/\/|\/$|(^|\/)\.\.?(\/|$)/.test(path)) return path;
	const rooted = path.startsWith("/");
	const parts: string[] = [];
	for (const part of path.split("/")) {
		if (part === "" || part === ".") continue;
		if (part !== "..") parts.push(part);
		else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
		else if (!rooted) parts.push("..");
	}
	const clean = parts.join("/");
	return rooted ? `/${clean}` : clean || ".";
}
