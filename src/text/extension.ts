import { allMatches, isBuiltIn } from '../netfilter/index.ts';
import { Fault } from './diagnostic.ts';
import { BANG, type Draft, fault, needValue, type Use } from './draft.ts';
import { placesOf } from './finish.ts';
import { FOREIGN_MATCHES, FOREIGN_TARGETS } from './foreign.ts';
import { GENERAL, matchSpelling, misspelt, type Spelling, targetSpelling } from './spelling.ts';
import { type Cursor, nextWord } from './words.ts';

/** `-m NAME`: loads a match, or keeps all that belongs to one that Sidestep does not know. */
export function readMatch(draft: Draft, cursor: Cursor): void {
  needValue(cursor, '-m', 'the name of a match');
  const { word, start, stop } = cursor;
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,27}$/.test(word))
    throw fault(cursor, 'this is no name of a match', 'Expected a name like tcp or conntrack.');
  const spelling = matchSpelling(word);
  if (spelling) {
    load(draft, spelling, start, stop - start);
    return;
  }
  const meant = FOREIGN_MATCHES.has(word) ? undefined : misspelt(word, allMatches);
  if (meant !== undefined) throw fault(cursor, `unknown match ${word}`, `Did you mean ${meant}?`);
  draft.matches.push({ kind: 'opaque', name: word, words: opaqueWords(cursor) });
}

/** Names an extension: its options may follow. */
export function load(draft: Draft, spelling: Spelling, at: number, length: number): Use {
  const use: Use = { spelling, options: {}, at, length };
  const families = placesOf(use)?.families;
  if (families && !families.includes(draft.scope.family))
    throw new Fault(
      at,
      length,
      `${spelling.extension.name} is for ${families[0] === 'ipv4' ? 'IPv4' : 'IPv6'} only`,
      'Is this the text of the other family?',
    );
  if (spelling.kind === 'match') draft.matches.push(use);
  draft.loaded.push(use);
  return use;
}

/** The words of an extension that Sidestep does not know: all up to the next option that every rule may have. */
export function opaqueWords(cursor: Cursor): string[] {
  const words: string[] = [];
  for (;;) {
    const before = cursor.at;
    if (!nextWord(cursor)) return words;
    if (!cursor.quoted) {
      const { start, stop } = cursor;
      const bang = cursor.word === '!';
      if (bang && !nextWord(cursor)) throw new Fault(start, stop - start, 'a ! with nothing after it', BANG);
      if (ENDS_OPAQUE.has(cursor.word)) {
        cursor.at = before;
        return words;
      }
      if (bang) words.push('!');
    }
    words.push(cursor.text.slice(cursor.start, cursor.stop));
  }
}

const ENDS_OPAQUE: ReadonlySet<string> = new Set([
  '-m',
  '-j',
  '-g',
  '-s',
  '-d',
  '-i',
  '-o',
  '-p',
  '-f',
  '-c',
  ...GENERAL.keys(),
]);

/** `-j NAME` or `-g NAME`: a target, a chain, or an extension that Sidestep does not know. */
export function readTarget(draft: Draft, cursor: Cursor, option: '-j' | '-g'): void {
  if (draft.target) throw fault(cursor, 'a second target', 'A rule has one -j or -g.');
  needValue(cursor, option, 'a target or a chain');
  const { word, start, stop } = cursor;
  const { scope } = draft;
  const chain = scope.chainNamed?.(word);
  const known = option === '-j' ? chain?.jump : chain?.goto;
  if (known) {
    draft.target = known;
    return;
  }
  const spelling = targetSpelling(word);
  if (spelling && option === '-j') {
    draft.target = load(draft, spelling, start, stop - start);
    return;
  }
  const problem = chain ? undefined : chainNameProblem(word);
  if (problem) throw fault(cursor, problem, 'Expected a target or the name of a chain.');
  if (isBuiltIn(scope.table, word))
    throw fault(
      cursor,
      `a rule cannot jump to ${word}`,
      'The kernel itself enters a built-in chain; only user chains can be jumped to.',
    );
  if (option === '-j' && FOREIGN_TARGETS.has(word)) {
    draft.target = { kind: 'opaque', name: word, words: opaqueWords(cursor) };
    return;
  }
  // The chain's own name: one text for all that lead to it.
  const kind = option === '-j' ? 'jump' : 'goto';
  draft.target = { kind, chain: chain?.name ?? word };
  if (chain) chain[kind] = draft.target;
  else if (scope.chainNamed || option === '-j') draft.undeclared = { at: start, length: stop - start };
}

/** What is wrong with a name for a chain, or undefined. Source: assert_valid_chain_name in iptables' xshared.c. */
export function chainNameProblem(name: string): string | undefined {
  if (name === '') return 'an empty name';
  if (name.startsWith('-') || name.startsWith('!')) return `a chain’s name does not begin with ${name.charAt(0)}`;
  if (name.length > 28) return 'a chain’s name has 28 characters at most';
  return isPlain(name) || !/[\s"]/.test(name) ? undefined : 'a chain’s name holds no blank and no quote';
}

/** Whether a text holds nothing but letters of ASCII that show, and no quote: so that no pattern has to be asked. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= 34 || code > 126) return false;
  }
  return true;
}
