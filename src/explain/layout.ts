import { escapeControl } from '../text/index.ts';
import { type Block, type Line, type Screen, type Span, span, type Table, typed } from './screen.ts';

/** Columns between two cells of a table. */
const GAP = 2;

/**
 * Fits a screen to a width: one line per element, no line wider than `width` unless a command is, or a single word of a
 * paragraph, like a path: what is copied from a terminal that goes on in the next row is whole. Control characters are shown
 * as `\xNN` here, so nothing that a rule or a process is called can reach a terminal raw.
 */
export function layOut(screen: Screen, width = Number.POSITIVE_INFINITY): Line[] {
  return screen.flatMap((block) => laid(escaped(block), width));
}

/** The screen without tones: what a pipe gets. */
export const plainText = (screen: Screen, width?: number): string =>
  layOut(screen, width)
    .map((spans) => `${textOf(spans).trimEnd()}\n`)
    .join('');

export const textOf = (spans: Line): string => spans.map(({ text }) => text).join('');

const escapeLine = (spans: Line): Line => spans.map((one) => ({ ...one, text: escapeControl(one.text) }));

const escaped = (block: Block): Block =>
  block.kind === 'paragraph'
    ? { ...block, line: escapeLine(block.line) }
    : { ...block, rows: block.rows.map((cells) => cells.map(escapeLine)) };

const laid = (block: Block, width: number): Line[] =>
  block.kind === 'paragraph' ? wrap(block.line, width, block.hang) : fitTable(block, width);

function fitTable(table: Table, width: number): Line[] {
  const { rows, indent, hang, optional } = table;
  const natural = columnStarts(rows, indent, Math.min(width, WIDEST));
  const tooWide = rows.some((cells) =>
    cells.some((cell, column) => (natural[column] ?? indent) + lengthOf(cell) > width),
  );
  if (tooWide && optional !== undefined) {
    const without = rows.map((cells) => cells.slice(0, optional));
    return fitTable({ kind: 'table', rows: without, indent, hang }, width);
  }
  // A cell longer than about half the width runs over its column; the others line up without it.
  const starts = tooWide ? columnStarts(rows, indent, Math.max(20, Math.floor(width * MOST))) : natural;
  return rows.flatMap((cells) => fitRow(cells, starts, hang, width));
}

/** Columns of a mark like ✓: what it is about stays beside it, however long. */
const MARK = 1;

/** A column as wide as its widest cell lines up, but a longer one, as a pipe may show, would hide what stands behind it. */
const WIDEST = 120;

/** How much of the width one cell may claim for its column. */
const MOST = 0.45;

function fitRow(cells: readonly Line[], starts: readonly number[], hang: number, width: number): Line[] {
  const lines: Span[][] = [[]];
  let at = 0;
  let broken = false;
  const rest = (column: number): number =>
    cells.slice(column).reduce((sum, cell) => sum + (lengthOf(cell) > 0 ? lengthOf(cell) + GAP : 0), -GAP);
  cells.forEach((cell, column) => {
    const length = lengthOf(cell);
    if (length === 0) return;
    const own = starts[column] ?? 0;
    const under = Math.min(hang, column);
    const fallback = Math.min(
      (starts[under] ?? 0) + (under < column ? hangOf(cells[under]) : 0),
      Math.floor(width / 2),
    );
    // In a row that has left the columns, cells follow each other.
    let start = (broken || own < at + 1) && at > 0 ? at + GAP : own;
    const leaves = own < at + 1 && at > 0 && start + rest(column) > width;
    if ((leaves || start + length > width) && at > fallback + MARK) {
      lines.push([]);
      at = 0;
      start = fallback;
      broken = true;
    }
    const room = width - start;
    const cellHang = Math.min(hangOf(cell), Math.floor(room / 2));
    const pieces = length <= room ? [cell] : wrapWords(cut(words(cell), room - cellHang), room, cellHang);
    lines.at(-1)!.push(span(' '.repeat(start - at)), ...(pieces[0] ?? []));
    for (const piece of pieces.slice(1)) lines.push([span(' '.repeat(start)), ...piece]);
    at = start + lengthOf(pieces.at(-1) ?? []);
  });
  return lines.map((spans) => trimEnd(spans));
}

/** Where the text of a cell begins: after its indentation and its number, as in `   12  -p tcp`. */
const hangOf = (cell: Line | undefined): number => /^ *(?:\d+ {2,})?/.exec(textOf(cell ?? []))?.[0].length ?? 0;

/**
 * Where each column begins: after the widest cell of every column before it. The last cell of a row widens nothing, nor
 * does one of more than `most` columns.
 */
function columnStarts(rows: Table['rows'], indent: number, most: number): number[] {
  const widths: number[] = [];
  for (const cells of rows) {
    cells.forEach((cell, column) => {
      const last = cells.slice(column + 1).every((later) => lengthOf(later) === 0);
      const length = lengthOf(cell);
      widths[column] = Math.max(widths[column] ?? 0, last || length > most ? 0 : length);
    });
  }
  const starts = [indent];
  for (const width of widths) starts.push(starts.at(-1)! + (width > 0 ? width + GAP : 0));
  return starts;
}

/** Breaks a line at spaces; every further line begins with `hang` spaces. */
const wrap = (spans: Line, width: number, hang: number): Line[] =>
  lengthOf(spans) <= width ? [spans] : wrapWords(words(spans), width, hang);

function wrapWords(list: readonly Line[], width: number, hang: number): Line[] {
  const lines: Span[][] = [[]];
  let at = 0;
  for (const word of list) {
    const length = lengthOf(word);
    if (at + length > width && at > hang) {
      lines.push(hang > 0 ? [span(' '.repeat(hang))] : []);
      at = hang;
      if (word.every(({ text }) => text.trim() === '')) continue;
    }
    lines.at(-1)!.push(...word);
    at += length;
  }
  return lines.map((parts) => trimEnd(parts));
}

/** Words that have room in a column: what runs over would break the table, so longer ones are cut, but for commands. */
function cut(list: readonly Line[], room: number): Line[] {
  const most = Math.max(room, NARROWEST);
  return list.flatMap((word) => {
    if (lengthOf(word) <= most || word.some(({ unbroken }) => unbroken)) return [word];
    const pieces: Span[][] = [[]];
    for (const { text, tone } of word) {
      for (let chars = [...text]; chars.length > 0; ) {
        if (lengthOf(pieces.at(-1)!) === most) pieces.push([]);
        const taken = chars.splice(0, most - lengthOf(pieces.at(-1)!));
        pieces.at(-1)!.push(span(taken.join(''), tone));
      }
    }
    return pieces;
  });
}

/** Columns in which a cut word can still be read. */
const NARROWEST = 8;

/** Words with their tones; the space between two words is a word of its own. What is not to be broken is one word. */
function words(spans: Line): Line[] {
  const list: Span[][] = [];
  let open = false;
  for (const { text, tone, unbroken } of spans) {
    for (const part of unbroken ? [text] : text.split(/( +)/)) {
      if (part === '') continue;
      const space = part.startsWith(' ');
      const piece = unbroken ? typed(part, tone) : span(part, tone);
      if (open && !space) list.at(-1)!.push(piece);
      else list.push([piece]);
      open = !space;
    }
  }
  return list;
}

/** Columns that a line takes: one a code point. */
const lengthOf = (spans: Line): number => spans.reduce((sum, { text }) => sum + [...text].length, 0);

function trimEnd(spans: readonly Span[]): Line {
  const kept = [...spans];
  while (kept.length > 0) {
    const last = kept.at(-1)!;
    const text = last.text.trimEnd();
    if (text !== '') {
      kept[kept.length - 1] = { ...last, text };
      break;
    }
    kept.pop();
  }
  return kept;
}
