import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { nodeFigures } from "./figures.ts";
import { depthAt, Painter, ROW, rowTop, type Scene, sceneHeight, valueAt } from "./painter.ts";
import { nodeAt, type Picture, pathTo, type Step, stepFrom } from "./picture.ts";
import type { Found } from "./search.ts";
import { Tooltip } from "./tooltip.tsx";

export interface FlameViewProps {
	readonly picture: Picture;
	readonly zoom: number;
	readonly flame: boolean;
	readonly difference: boolean;
	readonly found: Found | undefined;
	readonly marked: number | undefined;
	readonly dark: boolean;
	onZoom(node: number): void;
}

interface Pointer {
	readonly node: number;
	readonly x: number;
	readonly y: number;
}

const steps: Readonly<Record<string, Step>> = {
	ArrowLeft: "left",
	ArrowRight: "right",
	ArrowUp: "caller",
	ArrowDown: "callee",
};

/** The canvas with its frames. It is one stop of the keyboard; inside, arrows go from frame to frame. */
export function FlameView(props: FlameViewProps) {
	const { picture, zoom, flame } = props;
	const scroller = useRef<HTMLDivElement>(null);
	const canvas = useRef<HTMLCanvasElement>(null);
	const [size, setSize] = useState({ width: 0, height: 0 });
	const [scroll, setScroll] = useState(0);
	const [pointer, setPointer] = useState<Pointer>();
	const [focused, setFocused] = useState<number>();
	const painter = useRef<Painter>(undefined);
	const scene: Scene = { ...props, ...size, scroll, hovered: pointer?.node, focused };

	useLayoutEffect(() => {
		const element = scroller.current;
		if (element === null) return;
		const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
		const observer = new ResizeObserver(measure);
		observer.observe(element);
		measure();
		return () => observer.disconnect();
	}, []);

	// The root is at the bottom of a flame: that is where one starts to read.
	useLayoutEffect(() => {
		const element = scroller.current;
		if (element !== null && size.height > 0) element.scrollTop = flame ? element.scrollHeight : 0;
	}, [flame, picture.tree, size.height > 0]);

	useLayoutEffect(() => {
		const element = canvas.current;
		const context = element?.getContext("2d");
		if (element === null || context === null || context === undefined || size.width === 0) return;
		const ratio = globalThis.devicePixelRatio || 1;
		const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
		if (element.width !== width) element.width = width;
		if (element.height !== height) element.height = height;
		painter.current ??= new Painter(picture.tree, context);
		painter.current.paint(scene);
	});

	useEffect(() => setPointer(undefined), [picture, zoom, flame]);

	const reveal = (node: number) => {
		const element = scroller.current;
		if (element === null) return;
		const top = rowTop(scene, picture.tree.depth[node]!);
		if (top < element.scrollTop) element.scrollTop = top;
		else if (top + ROW > element.scrollTop + size.height) element.scrollTop = top + ROW - size.height;
	};
	const onKeyDown = (event: KeyboardEvent) => {
		const from = focused ?? zoom;
		const step = steps[event.key];
		if (step !== undefined) {
			const turned = flame && step === "caller" ? "callee" : flame && step === "callee" ? "caller" : step;
			const to = focused === undefined ? zoom : stepFrom(picture, from, turned);
			setFocused(to);
			reveal(to);
			if (!within(picture, to, zoom)) props.onZoom(to);
		} else if (event.key === "Enter" || event.key === " ") props.onZoom(from);
		else if (event.key === "Escape" && zoom !== 0) props.onZoom(picture.parent[zoom]!);
		else if (event.key === "Home") props.onZoom(0);
		else return;
		event.preventDefault();
	};
	const pointAt = (event: MouseEvent) => {
		const node = nodeUnder(scene, event.offsetX, event.offsetY);
		setPointer(node === undefined ? undefined : { node, x: event.clientX, y: event.clientY });
		return node;
	};

	const spoken = useMemo(() => (focused === undefined ? "" : spokenFigures(picture, focused)), [picture, focused]);
	return (
		<div class="flame-scroll" ref={scroller} onScroll={(event) => setScroll(event.currentTarget.scrollTop)}>
			<div class="flame-rows" style={{ height: `${sceneHeight(picture)}px` }}>
				{/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a canvas has no role that fits, and its frames are reached by arrow keys */}
				<canvas
					ref={canvas}
					role="application"
					aria-label={`${flame ? "Flame" : "Icicle"} graph. Arrow keys go from frame to frame, Enter zooms, Escape goes back, slash searches.`}
					aria-describedby="frame-status"
					tabIndex={0}
					style={{ width: `${size.width}px`, height: `${size.height}px` }}
					class={pointer === undefined ? "" : "on-frame"}
					onKeyDown={onKeyDown}
					onBlur={() => setFocused(undefined)}
					onMouseMove={pointAt}
					onMouseLeave={() => setPointer(undefined)}
					onClick={(event) => {
						const node = pointAt(event);
						if (node !== undefined) props.onZoom(node);
					}}
				/>
			</div>
			<p id="frame-status" class="unseen" role="status">
				{spoken}
			</p>
			{pointer !== undefined && <Tooltip figures={nodeFigures(picture, pointer.node)} x={pointer.x} y={pointer.y} />}
		</div>
	);
}

function spokenFigures(picture: Picture, node: number): string {
	const { name, rows } = nodeFigures(picture, node);
	const depth = pathTo(picture, node).length - 1;
	return `${name}, depth ${depth}; ${rows.map(([what, figure]) => `${what} ${figure}`).join("; ")}`;
}

/** Whether a node is drawn under a zoom: it is below it or one of its callers. */
function within(picture: Picture, node: number, zoom: number): boolean {
	return (node >= zoom && node < picture.end[zoom]!) || (node < zoom && picture.end[node]! >= picture.end[zoom]!);
}

function nodeUnder(scene: Scene, x: number, y: number): number | undefined {
	const { picture, zoom } = scene;
	const depth = depthAt(scene, y);
	if (depth < 0) return undefined;
	const path = pathTo(picture, zoom);
	if (depth < path.length) return path[depth];
	return nodeAt(picture, depth, valueAt(scene, x));
}
