#!/usr/bin/env node
// The entry of the published package. ES5 syntax, so that a Node.js of any age can read it and say what it lacks.
var major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
	process.stderr.write(
		"gomem needs Node.js 24 or newer, and this is " + process.version + " (" + process.execPath + ")\n"
	);
	process.exitCode = 2;
} else {
	require("../dist/main.js");
}
