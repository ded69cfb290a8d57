// Reads a JSON list of [formula, displayMode] and writes the list of what KaTeX says of each: null, or why it refuses.
import { readFileSync } from "node:fs";
import katex from "katex";

const said = JSON.parse(readFileSync(0, "utf8")).map(([formula, displayMode]) => {
  try {
    katex.renderToString(formula, { displayMode, strict: "error", throwOnError: true });
    return null;
  } catch (error) {
    return error.message;
  }
});
process.stdout.write(JSON.stringify(said));
