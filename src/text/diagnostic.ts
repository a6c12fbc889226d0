/** One thing that is wrong with an input, and where. Line and column are one-based; the column counts characters. */
export interface Diagnostic {
  readonly line: number;
  readonly column: number;
  /** How many characters are meant. */
  readonly length: number;
  readonly message: string;
  /** The line, or the part of a long one around the place. */
  readonly excerpt: string;
  /** Where in the excerpt the place begins, from 0. */
  readonly mark: number;
  /** What was expected, and the likely cause. */
  readonly hint: string;
}

/** Why an input was refused as a whole. The message is the text of all its diagnostics. */
export class InputRefused extends Error {
  override readonly name = 'InputRefused';
  readonly source: string;
  readonly diagnostics: readonly Diagnostic[];

  constructor(source: string, diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((diagnostic) => formatDiagnostic(source, diagnostic)).join('\n'));
    this.source = source;
    this.diagnostics = diagnostics;
  }
}

/** A fault at a place of the input, before its line and column are known. Thrown inside this layer only. */
export class Fault extends Error {
  override readonly name = 'Fault';
  /** Index into the input. */
  readonly at: number;
  readonly length: number;
  readonly hint: string;

  constructor(at: number, length: number, message: string, hint = '') {
    super(message);
    this.at = at;
    this.length = length;
    this.hint = hint;
  }
}

/** How much of a line an excerpt shows at most, and how much of that before the place. */
const WIDEST = 160;
const BEFORE = 60;

/** Gives a fault its line, column and excerpt. `line` and `start` are those of the line that it stands in. */
export function diagnosticAt(text: string, fault: Fault, line: number, start: number): Diagnostic {
  const column = Math.max(0, fault.at - start);
  let end = text.indexOf('\n', fault.at < start ? start : fault.at);
  if (end < 0) end = text.length;
  if (end > start && text.charCodeAt(end - 1) === 13) end -= 1;
  const long = end - start > WIDEST;
  const from = long ? Math.max(start, fault.at - BEFORE) : start;
  const to = long ? Math.min(end, from + WIDEST) : end;
  const shown = text.slice(from, to);
  const before = from > start ? '…' : '';
  return {
    line,
    column: column + 1,
    length: Math.max(1, fault.length),
    message: fault.message,
    excerpt: `${before}${shown}${to < end ? '…' : ''}`,
    mark: before.length + fault.at - from,
    hint: fault.hint,
  };
}

/**
 * A diagnostic as people read it: `FILE:LINE:COLUMN: what is wrong`, the line, a caret under the place, then what was
 * expected and the likely cause.
 */
export function formatDiagnostic(source: string, diagnostic: Diagnostic): string {
  const { line, column, length, message, excerpt, mark, hint } = diagnostic;
  const head = `${escapeControl(source)}:${line}:${column}: ${escapeControl(message)}`;
  if (excerpt === '') return hint === '' ? head : `${head}\n  ${escapeControl(hint)}`;
  const before = escapeControl(excerpt.slice(0, mark));
  const meant = escapeControl(excerpt.slice(mark, mark + length));
  const lines = [head, `  ${escapeControl(excerpt)}`, `  ${' '.repeat(before.length)}${'^'.repeat(meant.length || 1)}`];
  for (const part of hint.split('\n')) if (part !== '') lines.push(`  ${escapeControl(part)}`);
  return lines.join('\n');
}

/**
 * Text that a terminal shows and never obeys: control characters (C0, DEL, C1) become `\xNN`, and what turns the writing
 * direction becomes `\u….`
 *
 * @example escapeControl('\x1b[31mred') // '\\x1b[31mred'
 */
export function escapeControl(text: string): string {
  return HARMLESS.test(text) ? text : text.replace(UNSAFE, escaped);
}

const HARMLESS = /^[\x20-\x7e]*$/;
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function escaped(char: string): string {
  const code = char.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
