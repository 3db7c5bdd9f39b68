import type { ReportRequest } from "../profile/prepare.ts";

/** Which English each zone's own abbreviation is in: CET is British, PST American, AEST Australian, IST Indian. */
const LOCALES = ["en-GB", "en-US", "en-AU", "en-IN", "en-ZA"];

/** The zone of this machine at a time, named as Go names it as far as ICU knows the abbreviation. */
export const localZone: NonNullable<ReportRequest["zoneAt"]> = (milliseconds) => {
	const date = new Date(milliseconds);
	const minutes = -date.getTimezoneOffset();
	const names = LOCALES.map((locale) =>
		new Intl.DateTimeFormat(locale, { timeZoneName: "short" })
			.formatToParts(date)
			.find((part) => part.type === "timeZoneName"),
	).map((part) => part?.value ?? "");
	return { name: names.find((name) => /^[A-Z]+$/.test(name)) ?? offsetName(minutes), minutes };
};

/** Zones without an abbreviation are called by their offset: +03, -0330. */
function offsetName(minutes: number): string {
	const size = Math.abs(minutes);
	const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
	return `${minutes < 0 ? "-" : "+"}${two(size / 60)}${size % 60 === 0 ? "" : two(size % 60)}`;
}
