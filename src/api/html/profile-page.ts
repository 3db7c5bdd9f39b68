import type { Profile } from "../../formats/pprof/model.ts";
import { BASE_LABEL } from "../../profile/combine/load.ts";
import { type FlameTreeOptions, flameTree } from "../../profile/flame-tree.ts";
import type { ProfileOptions } from "../../profile/options.ts";
import { type Prepared, prepare, type ReportRequest } from "../../profile/prepare.ts";
import { profileLabels } from "../../profile/report/labels.ts";
import { version } from "../version.gen.ts";
import type { ProfilePage } from "./page-data.ts";

/** What pictures and pages of a profile are made by. */
export interface PictureOptions extends FlameTreeOptions {
	/** pprof's options: filters, granularity, sample_index … */
	readonly options?: Partial<ProfileOptions>;
	readonly zoneAt?: ReportRequest["zoneAt"];
	/** default: the name of the binary, else "profile" */
	readonly title?: string;
}

/** What a page of a loaded profile says and draws; the error is in pprof's words. */
export function profilePage(
	loaded: Profile,
	request: PictureOptions,
): { readonly page: ProfilePage; readonly prepared: Prepared } | { readonly error: string } {
	const { options = {}, zoneAt } = request;
	const prepared = prepare(loaded, { format: "stacks", options, ...(zoneAt && { zoneAt }) });
	if ("error" in prepared) return prepared;
	const tree = flameTree(prepared, request);
	const labels = profileLabels(prepared, "auto").filter((label) => !/^(File|Type):/.test(label));
	const page = {
		title: request.title ?? (prepared.title || "profile"),
		notes: [...labels, ...prepared.filters, ...divisionNote(prepared), ...prepared.warnings],
		generator: `gomem ${version}`,
		tree,
		difference: isDifference(loaded),
	};
	return { page, prepared };
}

/** Figures that were divided look like any other: the page says so. */
function divisionNote(prepared: Prepared): readonly string[] {
	const { divide_by } = prepared.options;
	const ratio = 1 / divide_by;
	return ratio > 0 && ratio !== 1 ? [`figures divided by ${divide_by}`] : [];
}

/** Whether samples of a diff base are in it. */
function isDifference({ strings }: Profile): boolean {
	return strings.find(BASE_LABEL.key) !== undefined;
}
