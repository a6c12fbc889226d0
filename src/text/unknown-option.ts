import { protocolName } from '../netfilter/index.ts';
import type { Fault } from './diagnostic.ts';
import { type Draft, fault } from './draft.ts';
import { nearest, ownersOf, type Spelling } from './spelling.ts';
import type { Cursor } from './words.ts';

/**
 * What is said of an option that nothing in the rule has: the extensions that do have it, and the nearest option of those
 * that are loaded, or that the rule's protocol would load.
 */
export function unknownOption(draft: Draft, cursor: Cursor, word: string, implied: Spelling | undefined): Fault {
  const hints: string[] = [];
  const given = cursor.text.slice(cursor.stop, cursor.end).trimStart().split(/[ \t]/, 1)[0] ?? '';
  const example = given === '' || given.startsWith('-') ? '' : ` ${given}`;
  const owners = ownersOf(word);
  for (const owner of owners.slice(0, 2)) hints.push(belongsTo(owner, word, example));
  const loaded = draft.loaded.map(({ spelling }) => spelling).toReversed();
  if (implied && !loaded.includes(implied)) loaded.push(implied);
  const near = nearestOf(loaded, word);
  if (near && owners.length > 0) hints.push(`With ${near.owner} it is ${near.name}, which takes ${near.expected}.`);
  else if (near) hints.push(`Did you mean ${near.name}? It takes ${near.expected}.`);
  if (hints.length === 0) hints.push(notLoaded(draft));
  return fault(cursor, `unknown option ${word}`, hints.join('\n'));
}

function belongsTo({ kind, extension, slots }: Spelling, word: string, example: string): string {
  const { name, protocols = [] } = extension;
  const [protocol] = protocols;
  const match = protocol !== undefined && protocols.length === 1 ? `-p ${protocolName(protocol)}` : `-m ${name}`;
  const option = `${word}${slots.get(word)?.option.arity ? example : ''}`;
  return `${word} belongs to the ${kind} ${name}: ${kind === 'match' ? match : `-j ${name}`} ${option}`;
}

function nearestOf(
  spellings: readonly Spelling[],
  word: string,
): { readonly owner: string; readonly name: string; readonly expected: string } | undefined {
  for (const { extension, slots } of spellings) {
    const name = nearest(word, slots.keys());
    const slot = name === undefined ? undefined : slots.get(name);
    if (name !== undefined && slot) return { owner: extension.name, name, expected: slot.option.expected };
  }
  return undefined;
}

function notLoaded(draft: Draft): string {
  const names = draft.loaded.map(({ spelling }) => spelling.extension.name);
  if (names.length > 0) return `Neither a rule itself nor ${names.join(', ')} has it.`;
  return 'No match or target that has it is named before it: -m NAME stands before the options of a match.';
}
