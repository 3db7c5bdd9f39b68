export interface TypeSwitchProps {
	readonly types: readonly string[];
	readonly type: number;
	onType(type: number): void;
}

/** The sample types of a profile, beside each other where they fit; nothing where there is one only. */
export function TypeSwitch({ types, type, onType }: TypeSwitchProps) {
	if (types.length < 2) return null;
	if (types.length > 5) {
		return (
			<select aria-label="Sample type" value={type} onChange={(event) => onType(Number(event.currentTarget.value))}>
				{types.map((name, row) => (
					<option key={name} value={row}>
						{name}
					</option>
				))}
			</select>
		);
	}
	return (
		<fieldset class="segments">
			<legend class="unseen">Sample type</legend>
			{types.map((name, row) => (
				<button key={name} type="button" aria-pressed={row === type} onClick={() => onType(row)}>
					{name}
				</button>
			))}
		</fieldset>
	);
}
