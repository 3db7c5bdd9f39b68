import assert from "node:assert/strict";
import { test } from "node:test";
import { changeColour, packageColour, packageOf, shortName } from "./flame-colours.ts";

test("package and short name of functions", () => {
	const cases: [name: string, packageName: string, short: string][] = [
		["main.main", "main", "main.main"],
		["net/http.(*conn).serve", "net/http", "http.(*conn).serve"],
		["github.com/a/b%2ev2.F", "github.com/a/b%2ev2", "b%2ev2.F"],
		["gopkg.in/yaml.v3.Unmarshal", "gopkg.in/yaml", "yaml.v3.Unmarshal"],
		["slices.SortFunc[go.shape.[]example.com/x.T]", "slices", "slices.SortFunc[go.shape.[]example.com/x.T]"],
		["example.com/m.Map[...].Get", "example.com/m", "m.Map[...].Get"],
		["std::vector<int>::push_back", "std::vector<int>", "std::vector<int>::push_back"],
		["malloc", "", "malloc"],
	];
	for (const [name, packageName, short] of cases) {
		assert.equal(packageOf(name), packageName, name);
		assert.equal(shortName(name), short, name);
	}
});

test("a package has one colour, neighbours in the alphabet differ, the runtime is grey", () => {
	assert.equal(packageColour("net/http", false), packageColour("net/http", false));
	const colours = new Set(
		["main", "net/http", "net/url", "encoding/json", "bytes", "bufio"].map((p) => packageColour(p, true)),
	);
	assert.equal(colours.size, 6);
	assert.equal(packageColour("runtime", false), packageColour("internal/runtime/maps", false));
	assert.notEqual(packageColour("runtimeconfig", false), packageColour("runtime", false));
});

test("more is red, less is blue, neither is grey", () => {
	assert.match(changeColour(5, 5, false), /^hsl\(8 /);
	assert.match(changeColour(-5, 5, false), /^hsl\(214 /);
	assert.match(changeColour(0, 0, false), /^hsl\(220 10%/);
	assert.notEqual(changeColour(1, 20, false), changeColour(0, 20, false));
});
