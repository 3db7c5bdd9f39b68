import { Type } from "typebox";
import { defineSettings } from "./settings-section.ts";

export const settings = defineSettings({
	name: "output",
	summary: "how results are printed",
	schema: Type.Object({
		format: Type.Enum(["text", "json"], { description: "text for people, json for programs", default: "text" }),
		color: Type.Enum(["auto", "always", "never"], {
			description: "auto: on a terminal, unless NO_COLOR is set",
			default: "auto",
		}),
	}),
});
