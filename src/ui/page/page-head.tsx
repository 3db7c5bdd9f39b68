import type { ComponentChildren } from "preact";
import type { Theme } from "./theme.ts";

export interface PageHeadProps {
	readonly title: string;
	readonly notes: readonly string[];
	readonly generator: string;
	readonly theme: Theme;
	onTheme(theme: Theme): void;
	readonly children?: ComponentChildren;
}

const next: Readonly<Record<Theme, Theme>> = { auto: "light", light: "dark", dark: "auto" };

export function PageHead({ title, notes, generator, theme, onTheme, children }: PageHeadProps) {
	return (
		<header class="head">
			<h1>{title}</h1>
			{children}
			<ul class="notes">
				{notes.map((note) => (
					<li key={note}>{note}</li>
				))}
			</ul>
			<span class="spring" />
			<span class="quiet">{generator}</span>
			<button type="button" onClick={() => onTheme(next[theme])}>
				Theme: {theme}
			</button>
		</header>
	);
}
