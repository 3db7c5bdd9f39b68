import { Type } from "typebox";

/** `--exe`, for every operation that reads cores. */
export const executableInput = Type.Optional(
	Type.String({
		description: "for a core: the executable that was dumped, where it is not at its path any more",
		placeholder: "file",
		minLength: 1,
	}),
);
