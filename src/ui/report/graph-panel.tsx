import { useLayoutEffect, useRef } from "preact/hooks";

/** The graph of calls: wheel zooms, dragging moves, the keys + - 0 and the arrows do the same. */
export function GraphPanel({ svg, note }: { readonly svg: string; readonly note: string }) {
	const holder = useRef<HTMLDivElement>(null);
	useLayoutEffect(() => {
		if (holder.current === null || svg === "") return;
		// parsed as XML and not as HTML: the content-security-policy lets no script of it run in either case
		const parsed = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
		if (!(parsed instanceof SVGSVGElement)) return;
		parsed.setAttribute("width", "100%");
		parsed.setAttribute("height", "100%");
		holder.current.replaceChildren(parsed);
		return moveable(holder.current, parsed);
	}, [svg]);
	if (svg === "") return <p class="quiet graph-note">{note}</p>;
	return (
		<section class="panel" aria-label="Call graph">
			<p class="quiet graph-note">
				{note} Box size and font: what ends in the function. Wheel or + and − zoom, dragging or arrows move, 0 fits.
			</p>
			<div
				class="graph-view"
				ref={holder}
				role="img"
				aria-label="Graph of calls; the tab Top has the same figures"
				// biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved by keys
				tabIndex={0}
			/>
		</section>
	);
}

/** Makes a picture movable within its box; returns what undoes it. */
function moveable(box: HTMLElement, svg: SVGSVGElement): () => void {
	const whole = svg.viewBox.baseVal;
	const fit = { x: whole.x, y: whole.y, width: whole.width, height: whole.height };
	let view = { ...fit };
	const show = () => svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
	const zoom = (factor: number, atX = 0.5, atY = 0.5) => {
		const width = Math.min(Math.max(view.width * factor, fit.width / 200), fit.width * 4);
		const height = (width / fit.width) * fit.height;
		view = { x: view.x + (view.width - width) * atX, y: view.y + (view.height - height) * atY, width, height };
		show();
	};
	const move = (x: number, y: number) => {
		view = { ...view, x: view.x - x * view.width, y: view.y - y * view.height };
		show();
	};
	const listening = new AbortController();
	const { signal } = listening;
	const onWheel = (event: WheelEvent) => {
		event.preventDefault();
		const { left, top, width, height } = box.getBoundingClientRect();
		zoom(1.0015 ** event.deltaY, (event.clientX - left) / width, (event.clientY - top) / height);
	};
	box.addEventListener("wheel", onWheel, { signal, passive: false });
	const onDown = (event: PointerEvent) => box.setPointerCapture(event.pointerId);
	box.addEventListener("pointerdown", onDown, { signal });
	const onMove = (event: PointerEvent) => {
		if (event.buttons === 1) move(event.movementX / box.clientWidth, event.movementY / box.clientHeight);
	};
	box.addEventListener("pointermove", onMove, { signal });
	const keys: Readonly<Record<string, () => void>> = {
		"+": () => zoom(0.8),
		"-": () => zoom(1.25),
		"0": () => {
			view = { ...fit };
			show();
		},
		ArrowLeft: () => move(0.1, 0),
		ArrowRight: () => move(-0.1, 0),
		ArrowUp: () => move(0, 0.1),
		ArrowDown: () => move(0, -0.1),
	};
	const onKey = (event: KeyboardEvent) => {
		const act = keys[event.key];
		if (act === undefined) return;
		event.preventDefault();
		act();
	};
	box.addEventListener("keydown", onKey, { signal });
	return () => listening.abort();
}
