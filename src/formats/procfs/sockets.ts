import { ParseError } from "../../bytes/parse-error.ts";
import { decimal, quoted } from "./fields.ts";

/** include/net/tcp_states.h */
export const TCP_STATES: readonly string[] = [
	"",
	"established",
	"syn-sent",
	"syn-recv",
	"fin-wait-1",
	"fin-wait-2",
	"time-wait",
	"close",
	"close-wait",
	"last-ack",
	"listen",
	"closing",
	"new-syn-recv",
];

export interface TcpSocket {
	/** dotted quad, or IPv6 in the canonical form of RFC 5952 */
	readonly localAddress: string;
	readonly localPort: number;
	readonly remoteAddress: string;
	readonly remotePort: number;
	/** one of TCP_STATES, or the number of a newer state */
	readonly state: string;
	readonly uid: number;
	/** 0 where no process has it any longer */
	readonly inode: number;
}

/** A large proxy has this many sockets; what is asked for here is mostly its few listeners. */
const MAX_SOCKETS = 1 << 20;

/**
 * /proc/PID/net/tcp and tcp6 (get_tcp4_sock and get_tcp6_sock in net/ipv4/tcp_ipv4.c, net/ipv6/tcp_ipv6.c), the sockets
 * of a network namespace; with `state` only those in it. Throws ParseError.
 */
export function parseNetTcp(text: string, state?: string): TcpSocket[] {
	const wanted = state === undefined ? undefined : stateDigits(state);
	const sockets: TcpSocket[] = [];
	let at = text.indexOf("\n") + 1; // below the heading; where there is no newline there is nothing but a heading
	if (at === 0) return sockets;
	while (at < text.length) {
		const newline = text.indexOf("\n", at);
		const end = newline < 0 ? text.length : newline;
		const columns = text.slice(at, end).trim().split(/\s+/, 10);
		if (columns.length > 1 && (wanted === undefined || columns[3] === wanted)) {
			if (sockets.length === MAX_SOCKETS) {
				throw new ParseError({ format: "net/tcp", offset: at, expected: `at most ${MAX_SOCKETS} sockets` });
			}
			sockets.push(socketOf(columns));
		}
		at = end + 1;
	}
	return sockets;
}

/** 123 of `socket:[123]`, what /proc/PID/fd/N links to; undefined for every other link. */
export function socketInode(link: string): number | undefined {
	const digits = /^socket:\[([0-9]{1,15})\]$/.exec(link)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

// columns: sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
function socketOf(columns: readonly string[]): TcpSocket {
	const [localAddress, localPort] = endpoint(columns[1], "local_address");
	const [remoteAddress, remotePort] = endpoint(columns[2], "rem_address");
	const digits = columns[3];
	if (digits === undefined || !/^[0-9A-F]{2}$/.test(digits)) {
		throw new ParseError({ format: "net/tcp", field: "st", expected: "two hex digits", actual: quoted(digits) });
	}
	const state = Number.parseInt(digits, 16);
	return {
		localAddress,
		localPort,
		remoteAddress,
		remotePort,
		state: TCP_STATES[state] ?? String(state),
		uid: decimal(columns[7], "uid", "net/tcp"),
		inode: decimal(columns[9], "inode", "net/tcp"),
	};
}

function stateDigits(state: string): string {
	const index = TCP_STATES.indexOf(state, 1);
	if (index < 0) throw new RangeError(`no TCP state is named ${state}`);
	return index.toString(16).toUpperCase().padStart(2, "0");
}

function endpoint(column: string | undefined, field: string): [address: string, port: number] {
	const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(column ?? "");
	if (match === null) {
		throw new ParseError({ format: "net/tcp", field, expected: "ADDRESS:PORT in hex", actual: quoted(column) });
	}
	const [, digits = "", port = ""] = match;
	return [digits.length === 8 ? ipv4(digits) : ipv6(digits), Number.parseInt(port, 16)];
}

/** The bytes of an address: 32-bit words in network order, each printed as a number of this (little-endian) machine. */
function addressBytes(digits: string): number[] {
	const bytes: number[] = [];
	for (let word = 0; word < digits.length; word += 8) {
		for (let at = word + 6; at >= word; at -= 2) bytes.push(Number.parseInt(digits.slice(at, at + 2), 16));
	}
	return bytes;
}

function ipv4(digits: string): string {
	return addressBytes(digits).join(".");
}

function ipv6(digits: string): string {
	const bytes = addressBytes(digits);
	const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0));
	// RFC 5952 section 5: an address of a well-known IPv4 prefix shows its dotted quad.
	if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
		return `::ffff:${bytes.slice(12).join(".")}`;
	}
	// Section 4.2: the longest run of at least two zero groups, the first of equals, becomes "::".
	let best = { at: -1, length: 1 };
	for (let at = 0; at < 8; at++) {
		let length = 0;
		while (at + length < 8 && groups[at + length] === 0) length++;
		if (length > best.length) best = { at, length };
	}
	const hex = groups.map((group) => group.toString(16));
	if (best.at < 0) return hex.join(":");
	return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}
