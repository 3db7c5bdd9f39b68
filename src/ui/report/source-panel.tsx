import type { SourceListing } from "../../api/html/page-data.ts";
import { valueText } from "../../figures/value.ts";

export interface SourcePanelProps {
	readonly sources: readonly SourceListing[];
	readonly unit: string;
	/** what there is to say of the figures; "" for nothing */
	readonly note: string;
	readonly shown: number;
	onShow(row: number): void;
}

/** The lines of a function with what they weigh. */
export function SourcePanel({ sources, unit, note, shown, onShow }: SourcePanelProps) {
	const listing = sources[shown];
	return (
		<section class="sources" aria-label="Source">
			<ul class="source-names" aria-label="Functions">
				{sources.map((one, row) => (
					<li key={`${one.function} ${one.file}`}>
						<button type="button" aria-current={row === shown} title={one.file} onClick={() => onShow(row)}>
							<span class="number">{valueText(one.cum, unit)}</span> {one.function}
						</button>
					</li>
				))}
			</ul>
			{listing !== undefined && <Listing listing={listing} unit={unit} note={note} />}
		</section>
	);
}

function Listing({
	listing,
	unit,
	note,
}: { readonly listing: SourceListing } & Pick<SourcePanelProps, "unit" | "note">) {
	const largest = listing.lines.reduce((most, { cum }) => Math.max(most, Math.abs(cum)), 0);
	return (
		<div class="listing">
			<h2>{listing.function}</h2>
			<p class="quiet">
				{listing.file} · flat {valueText(listing.flat, unit)} · cum {valueText(listing.cum, unit)}
				{note !== "" && ` · ${note}`}
			</p>
			{listing.problem !== undefined && <p class="problem">{listing.problem}</p>}
			<table>
				<thead>
					<tr>
						<th scope="col">Flat</th>
						<th scope="col">Cum</th>
						<th scope="col">Line</th>
						<th scope="col">Source</th>
					</tr>
				</thead>
				<tbody>
					{listing.lines.map(({ line, flat, cum, text }) => (
						<tr key={line} class={cum === 0 && flat === 0 ? "" : "weighs"}>
							<td class="number">{flat === 0 ? "" : valueText(flat, unit)}</td>
							<td class="number">{cum === 0 ? "" : valueText(cum, unit)}</td>
							<td class="number line">{line}</td>
							<td>
								<i class="weight" style={{ width: `${largest === 0 ? 0 : (60 * Math.abs(cum)) / largest}px` }} />
								<code>{text}</code>
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}
