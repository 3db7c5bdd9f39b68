import type { ProfileCommentsResult } from "../../api/profile-comments.ts";
import type { Terminal } from "../terminal.ts";

export function render(result: ProfileCommentsResult, _terminal: Terminal): string {
	return result.all.join("\n");
}
