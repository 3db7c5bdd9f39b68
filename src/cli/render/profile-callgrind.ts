import type { ProfileArtifactResult } from "../../api/profile-artifact.ts";
import type { Terminal } from "../terminal.ts";
import { fileText } from "./profile-file.ts";

export function render(result: ProfileArtifactResult, terminal: Terminal): string {
	return fileText(result, terminal, `kcachegrind ${result.file ?? "FILE"}`);
}
render.verbatim = true as const;
