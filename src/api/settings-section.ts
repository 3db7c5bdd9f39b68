import type { Static, TObject } from "typebox";

/**
 * One `[section]` of gomem.toml. A capability declares its own in a file `<anything>.settings.ts` under src/, exported as
 * `settings`; the generated registry finds it. Every property has a description and a default, or is optional.
 */
export interface SettingsSection<S extends TObject = TObject> {
	/** the table's name in gomem.toml: one word, kebab-case */
	readonly name: string;
	readonly summary: string;
	readonly schema: S;
}

export type SettingsOf<X> = X extends SettingsSection<infer S> ? Static<S> : never;

export function defineSettings<S extends TObject>(section: SettingsSection<S>): SettingsSection<S> {
	return section;
}
