import { useLayoutEffect, useRef } from "preact/hooks";
import type { NodeFigures } from "./figures.ts";

/** Beside the pointer, within the window. What it says is also told by the status line of the keyboard. */
export function Tooltip({ figures, x, y }: { figures: NodeFigures; x: number; y: number }) {
	const box = useRef<HTMLDivElement>(null);
	useLayoutEffect(() => {
		const element = box.current;
		if (element === null) return;
		const { width, height } = element.getBoundingClientRect();
		const left = x + 14 + width > innerWidth ? Math.max(4, x - 14 - width) : x + 14;
		const top = y + 16 + height > innerHeight ? Math.max(4, y - 12 - height) : y + 16;
		element.style.transform = `translate(${left}px, ${top}px)`;
	});
	return (
		<div class="tooltip" ref={box} aria-hidden="true">
			<strong>{figures.name}</strong>
			{figures.place !== "" && <span class="place">{figures.place}</span>}
			<dl>
				{figures.rows.map(([what, figure]) => (
					<div key={what}>
						<dt>{what}</dt>
						<dd>{figure}</dd>
					</div>
				))}
			</dl>
		</div>
	);
}
