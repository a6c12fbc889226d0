// Writes docs/schema from the zod types of src/explain/schema: one JSON Schema for each kind of `-o json` document.
// With --check it changes nothing and exits 1 when a file is not current. Needs a built dist/.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import * as documents from '../dist/explain/schema/index.js';

const folder = fileURLToPath(new URL('../docs/schema/', import.meta.url));

/** File names and their text, by what the documents call themselves: `sidestep/trace/1` is trace-1.json. */
export function schemas() {
  return new Map(
    Object.values(documents).map((type) => {
      const name = type.shape.schema.value;
      const [, kind, version] = name.split('/');
      const schema = { title: name, ...z.toJSONSchema(type) };
      return [`${kind}-${version}.json`, `${JSON.stringify(schema, undefined, 2)}\n`];
    }),
  );
}

/** The files that are missing, different, or no longer made. */
export function outdated() {
  const made = schemas();
  const read = (name) => {
    try {
      return readFileSync(`${folder}${name}`, 'utf8');
    } catch {
      return undefined;
    }
  };
  let there = [];
  try {
    there = readdirSync(folder);
  } catch {}
  return [
    ...[...made].filter(([name, text]) => read(name) !== text).map(([name]) => name),
    ...there.filter((name) => !made.has(name)),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--check')) {
    const wrong = outdated();
    if (wrong.length > 0) console.error(`not current: ${wrong.join(', ')}. Run: node scripts/schema.js`);
    process.exitCode = wrong.length > 0 ? 1 : 0;
  } else {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of schemas()) writeFileSync(`${folder}${name}`, text);
  }
}
