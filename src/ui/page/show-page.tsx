import { type ComponentType, render } from "preact";
import { readPageData } from "./page-data.ts";

/** Reads what the page carries and draws it; says so where that fails. */
export async function showPage<T>(Page: ComponentType<{ readonly data: T }>): Promise<void> {
	const root = document.getElementById("page");
	if (root === null) return;
	try {
		const data = await readPageData<T>();
		root.textContent = "";
		render(<Page data={data} />, root);
	} catch (error) {
		root.textContent = `This page cannot be shown: ${error instanceof Error ? error.message : error}`;
		throw error;
	}
}
