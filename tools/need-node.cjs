// Guard of the npm scripts, ES5 syntax: they run on the Node.js that the repository brings (node_modules/.bin/node).
var major = Number(process.versions.node.split(".")[0]);
if (major < 26) {
	process.stderr.write(
		"This repository's scripts need its own Node.js 26, and this is " +
			process.version +
			" (" +
			process.execPath +
			").\n" +
			"Run npm ci without --omit=optional, and start scripts with npm run, or with node_modules/.bin/node.\n"
	);
	process.exit(1);
}
