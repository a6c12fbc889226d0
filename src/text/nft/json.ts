import {
  NFT_FAMILIES,
  type NftChain,
  type NftFamily,
  type NftFlowtable,
  type NftObject,
  type NftRule,
  type NftSet,
  type NftStatement,
  type NftTable,
} from '../../netfilter/index.ts';
import { given } from '../given.ts';
import {
  field,
  list,
  number,
  oneOf,
  oneOrList,
  only,
  type Part,
  readJson,
  required,
  text,
  Unfit,
  type Unfitting,
  unfit,
} from '../json.ts';
import type { ReadOptions } from '../reading.ts';
import { wordsOf } from './json-expression.ts';
import { readChain, readFlowtable, readObject, readSet } from './json-object.ts';
import { readStatement } from './json-statement.ts';
import { UNREADABLE } from './unknown.ts';

const EXPECTED = 'Expected what nft -j list ruleset prints.';
const TABLE_FLAGS: readonly string[] = ['dormant', 'owner', 'persist'];

interface OpenChain extends Omit<NftChain, 'rules'> {
  readonly rules: NftRule[];
}

interface OpenTable {
  readonly head: Pick<NftTable, 'family' | 'name' | 'handle' | 'comment' | 'flags'>;
  readonly objects: NftObject[];
  readonly sets: NftSet[];
  readonly flowtables: NftFlowtable[];
  readonly chains: Map<string, OpenChain>;
  /** Chains that stand in rules. */
  readonly anonymous: NftChain[];
  /** Of a family that is not followed, or not always: each object of the document. */
  readonly words: string[];
  /** A netdev table: something in it is not understood. */
  unread: boolean;
  /** The document does not hold the table itself. */
  readonly implied?: true;
}

/**
 * Reads what `nft -j list ruleset` prints. Throws InputRefused with every object that is not what it has to be; with
 * `keepGoing` a rule that cannot be read stays as an opaque one, and other objects are left out.
 */
export function parseNftJson(input: string, options: ReadOptions = {}): NftTable[] {
  const report = options.keepGoing ? (options.report ?? (() => {})) : undefined;
  const tables = readJson(
    input,
    options.source ?? '-',
    EXPECTED,
    (document, unfitting) => readObjects(required(document, 'nftables'), unfitting, report !== undefined),
    report && ((diagnostic) => report.call(options, diagnostic)),
  );
  return tables.map(({ head, chains, anonymous, words, implied: _, unread, ...rest }) => ({
    ...head,
    ...(unread ? { objects: [], sets: [], flowtables: [] } : rest),
    chains: unread ? [] : [...anonymous, ...chains.values()],
    ...(isForeign(head.family) ? { words: words.map((one) => `\n\t${one}`).join('') } : {}),
  }));
}

const isForeign = (family: NftFamily): boolean => family === 'arp' || family === 'bridge' || family === 'netdev';

function readObjects(part: Part, unfitting: Unfitting, keepGoing: boolean): OpenTable[] {
  const tables = new Map<string, OpenTable>();
  list(part, (item) => {
    try {
      addObject(tables, item, unfitting, keepGoing);
    } catch (error) {
      unfitting(error);
    }
  });
  return [...tables.values()];
}

function addObject(tables: Map<string, OpenTable>, item: Part, unfitting: Unfitting, keepGoing: boolean): void {
  const { name, inside } = only(item);
  if (name === 'metainfo') return;
  if (COMMANDS.includes(name)) unfit(item, 'an object of a listing: it is a command');
  if (name === 'table') {
    const table = openTable(inside, unfitting);
    const key = `${table.head.family} ${table.head.name}`;
    if (tables.has(key)) unfit(inside, 'the first of its name: there are two of them');
    tables.set(key, table);
    if (isForeign(table.head.family)) table.words.push(wordsOf(item));
    return;
  }
  const table =
    tables.get(`${text(required(inside, 'family'))} ${text(required(inside, 'table'))}`) ??
    (name === 'chain' && [...tables.values()].every(({ implied }) => implied) ? implyTable(tables, inside) : undefined);
  if (!table) throw unfit(required(inside, 'table'), 'a table that stands before it');
  if (!isForeign(table.head.family)) addPart(table, name, inside, unfitting, keepGoing);
  else {
    table.words.push(wordsOf(item));
    if (table.head.family === 'netdev') addIfUnderstood(table, name, inside);
  }
}

/** Of a netdev table all that it holds is read, or nothing. */
function addIfUnderstood(table: OpenTable, name: string, inside: Part): void {
  const misread = (): void => {
    table.unread = true;
  };
  try {
    addPart(table, name, inside, misread, true);
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    misread();
  }
}

function addPart(table: OpenTable, name: string, inside: Part, unfitting: Unfitting, keepGoing: boolean): void {
  const { family } = table.head;
  if (name === 'set' || name === 'map') table.sets.push(readSet(inside, family));
  else if (name === 'flowtable') table.flowtables.push(readFlowtable(inside));
  else if (name === 'chain') addChain(table, inside);
  else if (name === 'rule') addRule(table, inside, unfitting, keepGoing);
  // A set's elements stand with the set.
  else if (name !== 'element') table.objects.push(readObject(inside, name));
}

/** What `nft -j list chain` prints names the table and does not hold it; the text does. */
function implyTable(tables: Map<string, OpenTable>, part: Part): OpenTable {
  const head = {
    family: oneOf(required(part, 'family'), NFT_FAMILIES),
    name: text(required(part, 'table')),
    flags: [],
  };
  const table: OpenTable = { ...emptyTable(head), implied: true };
  tables.set(`${head.family} ${head.name}`, table);
  return table;
}

const emptyTable = (head: OpenTable['head']): OpenTable => ({
  head,
  objects: [],
  sets: [],
  flowtables: [],
  chains: new Map(),
  anonymous: [],
  words: [],
  unread: false,
});

const COMMANDS: readonly string[] = [
  'add',
  'replace',
  'create',
  'insert',
  'delete',
  'list',
  'reset',
  'flush',
  'rename',
];

function openTable(part: Part, unfitting: Unfitting): OpenTable {
  const handle = field(part, 'handle');
  const comment = field(part, 'comment');
  const flags = field(part, 'flags');
  return emptyTable({
    family: oneOf(required(part, 'family'), NFT_FAMILIES),
    name: text(required(part, 'name')),
    ...given('handle', handle && number(handle)),
    ...given('comment', comment && text(comment)),
    flags: flags ? readFlags(flags, unfitting) : [],
  });
}

/** A table's flags. nft 1.0.6 prints some other text of its own in their place. */
const readFlags = (part: Part, unfitting: Unfitting): string[] =>
  oneOrList(part, (one) => {
    if (TABLE_FLAGS.includes(text(one))) return text(one);
    try {
      return unfit(one, `one of ${TABLE_FLAGS.join(', ')}: nft 1.0.6 does not tell it in JSON, nft list ruleset does`);
    } catch (error) {
      unfitting(error);
      return 'unknown';
    }
  });

function addChain(table: OpenTable, part: Part): void {
  const chain = readChain(part);
  if (table.chains.has(chain.name)) unfit(part, 'the first of its name: there are two of them');
  table.chains.set(chain.name, { ...chain, rules: [] });
}

function addRule(table: OpenTable, part: Part, unfitting: Unfitting, keepGoing: boolean): void {
  const chain = table.chains.get(text(required(part, 'chain')));
  if (!chain) throw unfit(required(part, 'chain'), 'a chain that stands before it');
  const handle = field(part, 'handle');
  const comment = field(part, 'comment');
  chain.rules.push({
    statements: readStatements(part, table, unfitting, keepGoing),
    ...given('handle', handle && number(handle)),
    ...given('comment', comment && text(comment)),
  });
}

function readStatements(
  part: Part,
  { head, anonymous }: OpenTable,
  unfitting: Unfitting,
  keepGoing: boolean,
): NftStatement[] {
  const expressions = required(part, 'expr');
  try {
    return list(expressions, (one) => readStatement(one, head.family, anonymous));
  } catch (error) {
    unfitting(error);
    return keepGoing ? [{ kind: 'opaque', words: wordsOf(expressions), because: UNREADABLE }] : [];
  }
}
