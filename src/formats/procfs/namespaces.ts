/** A namespace: what /proc/PID/ns/NAME links to. Two processes share it where both members are equal. */
export interface Namespace {
	/** pid, mnt, net, user, cgroup, ipc, uts, time */
	readonly type: string;
	readonly inode: number;
}

/** { type: "pid", inode: 4026531836 } of `pid:[4026531836]`; undefined where the link has another form. */
export function parseNsLink(link: string): Namespace | undefined {
	const [, type, digits] = /^([a-z]{1,16}):\[([0-9]{1,15})\]$/.exec(link) ?? [];
	return type === undefined || digits === undefined ? undefined : { type, inode: Number(digits) };
}
