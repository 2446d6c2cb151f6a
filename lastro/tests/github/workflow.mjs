// GitHub's own parser and expressions. Each line of stdin is a question as JSON, each line of stdout its answer.
//   {"parse": "ci.yml", "content": "..."}         -> {"errors": [...], "workflow": {...}}
//   {"evaluate": "...", "contexts": {...}, "status": "success"} -> {"value": ..., "true": bool} or {"error": "..."}
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(`${process.argv[2]}/@actions/${name}/dist/index.js`));
const { parseWorkflow, convertWorkflowTemplate, NoOperationTraceWriter } = await load("workflow-parser");
const { Lexer, Parser, Evaluator, data } = await load("expressions");

// A token of the parser as plain data; an expression as its text.
function plain(token) {
  if (token == null) return null;
  switch (token.templateTokenType) {
    case 1: return Array.from({ length: token.count }, (_, i) => plain(token.get(i)));
    case 2: {
      const pairs = Array.from({ length: token.count }, (_, i) => token.get(i));
      return Object.fromEntries(pairs.map(({ key, value }) => [key.toString(), plain(value)]));
    }
    case 3: return token.toString();
    case 7: return null;
    default: return token.value ?? token.toString();
  }
}

async function parse({ parse: name, content }) {
  const result = parseWorkflow({ name, content }, new NoOperationTraceWriter());
  const errors = result.context.errors.getErrors().map((e) => e.message);
  if (errors.length) return { errors };
  const template = await convertWorkflowTemplate(result.context, result.value);
  return { errors: (template.errors ?? []).map((e) => e.Message), workflow: plain(result.value), events: template.events };
}

function toData(value) {
  if (value === null || value === undefined) return new data.Null();
  if (typeof value === "string") return new data.StringData(value);
  if (typeof value === "number") return new data.NumberData(value);
  if (typeof value === "boolean") return new data.BooleanData(value);
  if (Array.isArray(value)) return new data.Array(...value.map(toData));
  return new data.Dictionary(...Object.entries(value).map(([key, v]) => ({ key, value: toData(v) })));
}


const fromData = (value) => JSON.parse(JSON.stringify(value, data.replacer));

function evaluate({ evaluate: text, contexts, status }) {
  const holds = { success: status === "success", failure: status === "failure", cancelled: false, always: true };
  const functions = Object.entries(holds).map(([name, is]) => ({
    name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(is),
  }));
  const { tokens } = new Lexer(text).lex();
  const tree = new Parser(tokens, Object.keys(contexts), functions).parse();
  const byName = new Map(functions.map((f) => [f.name, f]));
  const value = fromData(new Evaluator(tree, toData(contexts), byName).evaluate());
  return { value, true: !(value === null || value === false || value === 0 || value === "") };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const question = JSON.parse(line);
    answer = "parse" in question ? await parse(question) : evaluate(question);
  } catch (error) {
    answer = { error: String(error.message ?? error), errors: [String(error.message ?? error)] };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
