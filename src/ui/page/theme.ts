import { useEffect, useState } from "preact/hooks";

export type Theme = "auto" | "light" | "dark";

/** The theme that the user chose, and whether the page is dark under it. */
export function useTheme(): {
	readonly theme: Theme;
	readonly dark: boolean;
	readonly setTheme: (theme: Theme) => void;
} {
	const [theme, setTheme] = useState<Theme>("auto");
	const [system, setSystem] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
	useEffect(() => {
		const query = matchMedia("(prefers-color-scheme: dark)");
		const onChange = () => setSystem(query.matches);
		query.addEventListener("change", onChange);
		return () => query.removeEventListener("change", onChange);
	}, []);
	useEffect(() => {
		document.documentElement.style.colorScheme = theme === "auto" ? "light dark" : theme;
	}, [theme]);
	return { theme, dark: theme === "auto" ? system : theme === "dark", setTheme };
}
