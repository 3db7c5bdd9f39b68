import { type Static, Type } from "typebox";
import { profileTypes } from "../capture/profile-types.ts";
import { Duration } from "./operation-values.ts";
import { viewProperties } from "./profile-options.ts";

const heading = "Where it comes from";
const credentials = "Credentials, for a URL";

/** What every `gomem profile` verb takes: where the profile comes from. */
export const sourceProperties = {
	source: Type.Array(Type.String({ minLength: 1 }), {
		description:
			"pid, name or :port of a process here; profile, directory of profiles, or -; URL; capture or core. Several are added up. " +
			"A Go program in front of others gives names to addresses",
		positional: true,
		minItems: 1,
	}),
	type: Type.Optional(
		Type.Enum([...profileTypes], {
			heading,
			description: "which profile, of a process or a URL that names none; heap where nothing is said",
		}),
	),
	seconds: Type.Optional(
		Type.Integer({
			heading,
			description: "what came about in so many seconds; of cpu: how long it samples",
			minimum: 1,
			maximum: 86_400,
		}),
	),
	gc: Type.Boolean({ heading, description: "for a URL: have the program collect garbage first", default: false }),
	endpoint: Type.Optional(
		Type.String({
			heading,
			description:
				"for a pid: ask its own /debug/pprof as well (found by the ports it listens on, or this URL), and compare",
			placeholder: "URL",
			bare: "auto",
		}),
	),
	enableProfiling: Type.Boolean({
		heading,
		description:
			"for a pid whose linker left the memory profile out: switch it on, wait --seconds (10), then read; stays on",
		default: false,
		effect: "writes-target",
	}),
	restore: Type.Boolean({
		heading,
		description: "for a pid: after reading switch off what --enable-profiling switched on",
		default: false,
		effect: "writes-target",
	}),
	base: Type.Array(Type.String({ placeholder: "source", minLength: 1 }), {
		heading,
		description: "take this profile off",
		default: [],
	}),
	diffBase: Type.Array(Type.String({ placeholder: "source", minLength: 1 }), {
		heading,
		description: "take this profile off; percentages are of it",
		default: [],
	}),
	symbolize: Type.Optional(
		Type.String({
			heading,
			description: "none: names as the profile has them; other words of pprof's change nothing",
			placeholder: "how",
		}),
	),
	exe: Type.Optional(
		Type.String({
			heading,
			description: "the Go program whose table of functions names addresses",
			placeholder: "file",
		}),
	),
	buildid: Type.Optional(
		Type.String({ heading, description: "build id of the main binary, where the profile has none", placeholder: "id" }),
	),
	allFrames: Type.Boolean({ heading, description: "keep frames that the profile says to drop", default: false }),
	addComment: Type.Optional(
		Type.String({ heading, description: "a comment to add to the profile", placeholder: "text" }),
	),
	timeout: Duration({ heading, description: "how long a URL may take, --seconds not counted", default: "60s" }),
	follow: Type.Boolean({
		heading,
		description: "for a URL: follow redirects to other hosts, without the credentials",
		default: false,
	}),
	header: Type.Array(Type.String({ placeholder: "K: V", minLength: 1 }), {
		heading: credentials,
		description: "a header to send, as 'Authorization: Bearer …'; never printed",
		default: [],
		secret: true,
	}),
	bearerFile: Type.Optional(
		Type.String({ heading: credentials, description: "send the token in this file", placeholder: "file" }),
	),
	user: Type.Optional(
		Type.String({
			heading: credentials,
			description: "send this name and the password in $GOMEM_PASSWORD or --password-file",
			placeholder: "name",
		}),
	),
	passwordFile: Type.Optional(
		Type.String({ heading: credentials, description: "the password is in this file", placeholder: "file" }),
	),
	cert: Type.Optional(
		Type.String({ heading: credentials, description: "client certificate, PEM", placeholder: "file" }),
	),
	key: Type.Optional(Type.String({ heading: credentials, description: "its private key, PEM", placeholder: "file" })),
	ca: Type.Optional(
		Type.String({ heading: credentials, description: "trust the authorities in this file, PEM", placeholder: "file" }),
	),
};

const source = Type.Object(sourceProperties);
/** Where a profile comes from, as handlers receive it. */
export type SourceInput = Static<typeof source>;

/** All that a verb without arguments of its own takes. */
export const profileProperties = {
	...sourceProperties,
	...viewProperties,
	/** of every verb, so that a script may say it of any; where there is one way only it changes nothing */
	style: Type.Enum(["gomem", "pprof"], {
		description: "how text looks, where there are two ways; pprof: byte for byte as `go tool pprof` prints it",
		default: "gomem",
	}),
};

/** Of peek, list and weblist: which functions. Stands before the sources. */
export const regexpProperty = Type.String({
	description: "regular expression on the names of functions",
	positional: true,
	minLength: 1,
});
