import type { TestEvent } from "node:test/reporters";

/** A reporter of node:test that names each test file whose results are all there, a line each. */
export default async function* finishedFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
	for await (const event of events) {
		if (event.type === "test:summary" && event.data.file !== undefined) yield `${event.data.file}\n`;
	}
}
