/**
 * Names as pictures show them: Go names without the folders of their package and its version, Java names without package and
 * parameters, C++ names without namespaces (google/pprof internal/graph/graph.go, ShortenFunctionName). The expressions
 * look at each name once, and none of them repeats what it already repeats.
 */
export function shortName(name: string): string {
	const inNamespace = name.replace(/^\(anonymous namespace\)::/, "");
	const unversioned = inNamespace.replace(/^([^\n]*?)\/v(?:[2-9]|[1-9][0-9]+)([./][^\n]*)$/, "$1$2");
	return goName(unversioned) ?? javaName(unversioned) ?? cppName(unversioned) ?? unversioned;
}

/** "path/to/package.Type.method" → "package.Type.method" */
function goName(name: string): string | undefined {
	return /^(?:[\w.-]+\/)+([^.]+\.[^\n]+)/.exec(name)?.[1];
}

/** "java.lang.FooBar.run(java.lang.Runnable)" → "FooBar.run" */
function javaName(name: string): string | undefined {
	return /^(?:[a-z]\w*\.)*([A-Z][\w$]*\.(?:<init>|[a-z][\w$]*(?:\$\d+)?))(?:\(|$)/.exec(name)?.[1];
}

/** "space::Class::method" → "Class::method" */
function cppName(name: string): string | undefined {
	return /^(?:[_a-zA-Z]\w*::)+(_*[A-Z]\w*::~?[_a-zA-Z]\w*(?:<[^\n]*>)?)/.exec(name)?.[1];
}
