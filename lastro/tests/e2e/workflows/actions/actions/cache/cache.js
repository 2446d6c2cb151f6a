// Caches as tar files, by scope: a run reads those of its ref, of its base branch and of the default branch, and
// writes its ref's alone. A key that exists is never written again.
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] || "").trim();
const lines = (name) => input(name).split("\n").map((line) => line.trim()).filter(Boolean);
const append = (file, key, value) => fs.appendFileSync(process.env[file], `${key}=${value}\n`);
const scopes = process.env.STAND_INS_SCOPES.split(" ");
const folder = (scope) => path.join(process.env.STAND_INS_STORE, "caches", encodeURIComponent(scope));
const file = (scope, key) => path.join(folder(scope), `${encodeURIComponent(key)}.tar`);
const paths = () => lines("path").map((p) => p.replace(/^~/, process.env.HOME));

function find() {
  for (const scope of scopes)
    if (fs.existsSync(file(scope, input("key")))) return { key: input("key"), tar: file(scope, input("key")) };
  for (const start of lines("restore-keys"))
    for (const scope of scopes) {
      const found = (fs.existsSync(folder(scope)) ? fs.readdirSync(folder(scope)) : [])
        .map((name) => ({ key: decodeURIComponent(name.slice(0, -4)), tar: path.join(folder(scope), name) }))
        .filter((entry) => entry.key.startsWith(start))
        .sort((a, b) => fs.statSync(b.tar).mtimeMs - fs.statSync(a.tar).mtimeMs);
      if (found.length) return found[0];
    }
}

function restore() {
  const found = find();
  append("GITHUB_STATE", "KEY", found ? found.key : "");
  append("GITHUB_OUTPUT", "cache-hit", found ? String(found.key === input("key")) : "");
  append("GITHUB_OUTPUT", "cache-primary-key", input("key"));
  append("GITHUB_OUTPUT", "cache-matched-key", found ? found.key : "");
  console.log(found ? `Cache restored from key: ${found.key}` : `Cache not found for input keys: ${input("key")}`);
  if (!found && input("fail-on-cache-miss") === "true") process.exit(1);
  if (found && input("lookup-only") !== "true")
    execFileSync("tar", ["-xPf", found.tar, "-C", process.env.GITHUB_WORKSPACE]);
}

function save() {
  const target = file(scopes[0], input("key"));
  const there = paths().filter((p) => fs.existsSync(path.resolve(process.env.GITHUB_WORKSPACE, p)));
  if (process.env.STATE_KEY === input("key") || fs.existsSync(target) || !there.length) return;
  fs.mkdirSync(path.dirname(target), { recursive: true });
  execFileSync("tar", ["-cPf", `${target}.part`, "-C", process.env.GITHUB_WORKSPACE, ...there]);
  fs.renameSync(`${target}.part`, target);
  console.log(`Cache saved with key: ${input("key")}`);
}

module.exports = { restore, save };
