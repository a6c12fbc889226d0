/** What a span of text is, so that a terminal can colour it and a page can style it. Colour adds, it never carries. */
export type Tone = 'plain' | 'strong' | 'faint' | 'good' | 'bad' | 'warn' | 'name';

/** A run of text of one tone. Holds no line break. */
export interface Span {
  readonly text: string;
  readonly tone: Tone;
  /** Stays on one line, however narrow the terminal is. */
  readonly unbroken?: true;
}

/** One line, or one cell of a table. */
export type Line = readonly Span[];

/** Rows whose cells line up. A cell that does not fit the width starts a new line under column `hang`. */
export interface Table {
  readonly kind: 'table';
  readonly rows: readonly (readonly Line[])[];
  readonly indent: number;
  readonly hang: number;
  /** A last column that is left out where the table would not fit otherwise. */
  readonly optional?: number;
}

export type Block = { readonly kind: 'paragraph'; readonly line: Line; readonly hang: number } | Table;

/** What a person sees: paragraphs and tables from top to bottom, not yet fitted to a width. */
export type Screen = readonly Block[];

/** Text in one tone. */
export const span = (text: string, tone: Tone = 'plain'): Span => ({ text, tone });

export const strong = (text: string): Span => span(text, 'strong');
export const faint = (text: string): Span => span(text, 'faint');
export const good = (text: string): Span => span(text, 'good');
export const bad = (text: string): Span => span(text, 'bad');
export const warn = (text: string): Span => span(text, 'warn');
export const name = (text: string): Span => span(text, 'name');

/**
 * A command that a person may copy. It is never broken: the first half of a command does something else. Where it is wider than
 * the terminal, the terminal itself goes on in the next row, and what is copied from there is still one line.
 */
export const typed = (text: string, tone: Tone = 'faint'): Span => ({ text, tone, unbroken: true });

/** A line from spans and plain strings; empty strings are left out. */
export const line = (...parts: readonly (Span | string)[]): Line =>
  parts.map((part) => (typeof part === 'string' ? span(part) : part)).filter(({ text }) => text !== '');

/** A paragraph; lines after the first are indented by `hang` columns. */
export const paragraph = (parts: Line | string, hang = 0): Block => ({
  kind: 'paragraph',
  line: typeof parts === 'string' ? line(parts) : parts,
  hang,
});

export const BLANK: Block = paragraph('');

/** A table from cells that are lines or plain strings. */
export const table = (
  rows: readonly (readonly (Line | string)[])[],
  { indent = 0, hang = 1, optional }: Partial<Pick<Table, 'indent' | 'hang' | 'optional'>> = {},
): Table => ({
  kind: 'table',
  rows: rows.map((cells) => cells.map((cell) => (typeof cell === 'string' ? line(cell) : cell))),
  indent,
  hang,
  ...(optional === undefined ? {} : { optional }),
});
