/**
 * math.Exp of Go to the last bit, on amd64 with FMA (all since 2013): what Go scales heap samples by. V8's Math.exp is another
 * algorithm, and a last bit of exp(-x) for a small x is 10^-12 of 1/(1 - exp(-x)): enough to cut a figure of some gigabytes
 * one lower. For finite arguments below 709; range reduction, a Taylor series of a sixteenth and four squarings as in
 * math/exp_amd64.s (Go 1.26), which has them from Naoki Shibata, "Efficient evaluation methods of elementary functions
 * suitable for SIMD computation" (2010).
 */
export function goExp(x: number): number {
	if (!(x > -708)) return Math.exp(x);
	const exponent = roundToEven(x * Math.LOG2E);
	let r = fma(-exponent, LN2_UPPER, x);
	r = fma(-exponent, LN2_LOWER, r) * 0.0625;
	let sum = TAYLOR[0] ?? 0;
	for (const factor of TAYLOR.slice(1)) sum = fma(sum, r, factor);
	r *= sum;
	// exp(2r) - 1 = (exp(r) - 1) (exp(r) - 1 + 2), thrice, and once more with the 1 added
	for (let i = 0; i < 3; i++) r *= r + 2;
	r = fma(r, r + 2, 1);
	return r * 2 ** exponent;
}

/** log 2 in two parts, the upper one with its last bits empty, so that it times a small whole number is exact */
const LN2_UPPER = 0.693147180559663;
const LN2_LOWER = 2.8235290563031577e-13;
/** 1/8! … 1/0! */
const TAYLOR = [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1];

/** CVTSD2SL: to the nearest, ties to even */
function roundToEven(value: number): number {
	const down = Math.floor(value);
	const rest = value - down;
	return rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down;
}

/**
 * a × b + c with one rounding, for figures far from overflow and underflow: the sum of three parts with the middle one
 * rounded to odd (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", IEEE Trans. Computers 57, 2008).
 */
export function fma(a: number, b: number, c: number): number {
	const product = a * b;
	const productRest = multiplyRest(a, b, product);
	const upper = c + productRest;
	const upperRest = addRest(c, productRest, upper);
	const total = product + upper;
	return total + addToOdd(addRest(product, upper, total), upperRest);
}

/** a × b - product exactly (Dekker, with Veltkamp's split) */
function multiplyRest(a: number, b: number, product: number): number {
	const aHigh = highPart(a);
	const bHigh = highPart(b);
	const [aLow, bLow] = [a - aHigh, b - bHigh];
	return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

function highPart(value: number): number {
	const scaled = value * 134217729;
	return scaled - (scaled - value);
}

/** a + b - sum exactly (Knuth) */
function addRest(a: number, b: number, sum: number): number {
	const bVirtual = sum - a;
	return a - (sum - bVirtual) + (b - bVirtual);
}

const float = new Float64Array(1);
const bits = new BigInt64Array(float.buffer);

/** a + b, and where that is not exact the neighbour whose last bit is 1 */
function addToOdd(a: number, b: number): number {
	const sum = a + b;
	const rest = addRest(a, b, sum);
	if (rest === 0) return sum;
	float[0] = sum;
	const pattern = bits[0] ?? 0n;
	if ((pattern & 1n) === 1n) return sum;
	// the pattern of a float is its sign and size: towards zero is one less
	bits[0] = pattern + (rest > 0 === sum > 0 ? 1n : -1n);
	return float[0] ?? sum;
}
