import { unpackValue } from "../../bytes/packed-value.ts";

/** What the page carries: src/api/html/html-report.ts put it there, deflated and in base64. */
export async function readPageData<T>(): Promise<T> {
	const text = document.getElementById("data")?.textContent ?? "";
	const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
	const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
	return unpackValue<T>(new Uint8Array(await new Response(stream).arrayBuffer()));
}
