import type { NftTable } from '../../netfilter/index.ts';
import { type Diagnostic, diagnosticAt, Fault, InputRefused } from '../diagnostic.ts';
import { lineStartOf, MOST_DIAGNOSTICS, type ReadOptions, refuseBinary } from '../reading.ts';
import type { Complaints } from './read-chain.ts';
import { readTable } from './read-table.ts';
import { SCRIPT } from './script.ts';
import { isNext, peek, peekSecond, type Scanner, scannerOver, skipLines, take, takeIf, unexpected } from './tokens.ts';

/**
 * Reads what `nft list ruleset` prints, also with `-a`, `-n`, `-nn` and `-s`. What is not known is kept word for word.
 * Throws InputRefused with all that cannot be read; with `keepGoing` such a rule stays as an opaque one, and such a block is
 * left out.
 *
 * @example parseNft('table ip t {\n\tchain c {\n\t\ttcp dport 80 accept\n\t}\n}')
 */
export function parseNft(text: string, options: ReadOptions = {}): NftTable[] {
  const source = options.source ?? '-';
  refuseBinary(text, source);
  const diagnostics: Diagnostic[] = [];
  const lineOf = lines(text);
  const complain = (fault: Fault): void => {
    if (diagnostics.length >= MOST_DIAGNOSTICS && !options.report) return;
    const diagnostic = diagnosticAt(text, fault, lineOf(fault.at), lineStartOf(text, fault.at));
    if (options.keepGoing) options.report?.(diagnostic);
    diagnostics.push(diagnostic);
  };
  const tables = readTables(scannerOver(text), {
    complain,
    lineOf,
    complainAt: (at, message) => complain(new Fault(at, 1, message, 'nft lists each once.')),
  });
  if (diagnostics.length > 0 && !options.keepGoing) throw new InputRefused(source, diagnostics);
  return tables;
}

function readTables(scanner: Scanner, complaints: Complaints): NftTable[] {
  const tables: NftTable[] = [];
  for (;;) {
    try {
      skipLines(scanner);
      while (takeIf(scanner, ';')) skipLines(scanner);
      const { kind, at } = peek(scanner);
      if (kind === 'end') return tables;
      if (takeFlush(scanner)) continue;
      if (!takeIf(scanner, 'table')) throw unexpected(scanner, 'table', isNext(scanner, ...COMMANDS) ? SCRIPT : HINT);
      const table = readTable(scanner, complaints);
      if (tables.some(({ family, name }) => family === table.family && name === table.name)) {
        complaints.complainAt(at, `the table ${table.family} ${table.name} stands here twice`);
      } else tables.push(table);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      complaints.complain(error);
      recover(scanner, error.at);
    }
  }
}

/** `flush ruleset`, with which files for `nft -f` begin. */
function takeFlush(scanner: Scanner): boolean {
  if (!isNext(scanner, 'flush') || peekSecond(scanner).text !== 'ruleset') return false;
  take(scanner);
  take(scanner);
  return true;
}

const HINT = 'Expected what nft list ruleset prints: tables, each with its chains and sets between braces.';

/** What begins the commands of a script that is no list of tables. Source: nft(8), INPUT FILE FORMATS. */
const COMMANDS = [
  'define',
  'redefine',
  'undefine',
  'include',
  'add',
  'create',
  'insert',
  'replace',
  'delete',
  'destroy',
  'flush',
];

/** Goes on with the next table after a fault: the next line that begins with the word. */
function recover(scanner: Scanner, at: number): void {
  const next = /^table[ \t]/gm;
  next.lastIndex = Math.max(at, scanner.at) + 1;
  const found = next.exec(scanner.text);
  scanner.ahead = undefined;
  scanner.at = found ? found.index : scanner.text.length;
}

/** Tells the line of a place; places are asked for in their order, mostly. */
function lines(text: string): (at: number) => number {
  let [line, upTo] = [1, 0];
  return (at) => {
    if (at < upTo) [line, upTo] = [1, 0];
    for (let end = text.indexOf('\n', upTo); end >= 0 && end < at; end = text.indexOf('\n', upTo)) {
      line += 1;
      upTo = end + 1;
    }
    return line;
  };
}
