export interface TabsProps {
	readonly tabs: readonly { readonly id: string; readonly name: string }[];
	readonly shown: string;
	onShow(id: string): void;
}

/** Tabs as the ARIA practices have them: one stop of the keyboard, arrows go from one to the next. */
export function Tabs({ tabs, shown, onShow }: TabsProps) {
	const onKeyDown = (event: KeyboardEvent) => {
		const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
		if (step === 0) return;
		const at = tabs.findIndex(({ id }) => id === shown);
		const next = tabs[(at + step + tabs.length) % tabs.length];
		if (next === undefined) return;
		onShow(next.id);
		document.getElementById(`tab-${next.id}`)?.focus();
	};
	return (
		<div class="tabs" role="tablist" aria-label="Views" onKeyDown={onKeyDown}>
			{tabs.map(({ id, name }) => (
				<button
					key={id}
					id={`tab-${id}`}
					type="button"
					role="tab"
					aria-selected={id === shown}
					aria-controls="panel"
					tabIndex={id === shown ? 0 : -1}
					onClick={() => onShow(id)}
				>
					{name}
				</button>
			))}
		</div>
	);
}
