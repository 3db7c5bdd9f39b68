/** Goroutines and their stacks as evidence: what they are (stacks-model.ts), and their form in a bundle (stacks-codec.ts). */
export * from "./stacks-codec.ts";
export * from "./stacks-model.ts";
