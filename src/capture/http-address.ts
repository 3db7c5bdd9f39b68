/** Where an HTTP request goes: an http or https URL, or a path behind a unix socket. */
export interface HttpAddress {
	/** for a socket, its host is "unix" */
	readonly url: URL;
	readonly socket?: string;
}

/**
 * `http://…`, `https://…`, `unix:/run/app.sock`, `unix:app.sock` or `unix:/run/app.sock:/debug/vars`; undefined for anything
 * else. After `unix://` the path is absolute, as what follows would be a host.
 */
export function parseHttpAddress(text: string): HttpAddress | undefined {
	const [, socket, path = "/"] = /^unix:(?:\/\/(?=\/))?(?!\/\/)([^:]+)(?::(\/.*))?$/.exec(text) ?? [];
	try {
		if (socket !== undefined) return { url: new URL(path, "http://unix/"), socket };
		const url = new URL(text);
		return url.protocol === "http:" || url.protocol === "https:" ? { url } : undefined;
	} catch {
		return undefined;
	}
}

/** The address as it may be shown: without user, password, and the values of its query but for pprof's own. */
export function shownAddress({ url, socket }: HttpAddress): string {
	const query = [...url.searchParams].map(([name, value]) =>
		/^(?:debug|gc|seconds)$/.test(name) ? `${name}=${value}` : `${name}=…`,
	);
	const path = url.pathname + (query.length === 0 ? "" : `?${query.join("&")}`);
	if (socket !== undefined) return path === "/" ? `unix:${socket}` : `unix:${socket}:${path}`;
	return `${url.protocol}//${url.host}${path}`;
}

/** The same server, another path and query. */
export function atPath(address: HttpAddress, pathAndQuery: string): HttpAddress {
	const url = new URL(address.url);
	const [path = "", query = ""] = pathAndQuery.split("?", 2);
	url.pathname = path;
	url.search = query;
	return { ...address, url };
}
