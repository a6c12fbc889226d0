/** A piece of a word: text, a variable's value, what is worked out from known values, or what only a shell can tell. */
export type Part =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | VariablePart
  /** `$((…))`: the expression. */
  | { readonly kind: 'arithmetic'; readonly text: string; readonly quoted: boolean }
  /** `$(…)` and backquotes: the commands. */
  | { readonly kind: 'command'; readonly text: string; readonly quoted: boolean }
  /** `NAME=(…)`: the words of an array. */
  | { readonly kind: 'list'; readonly words: readonly Word[] }
  | { readonly kind: 'other' };

/** `$NAME`, `${NAME}`, `${NAME[@]}`, and with what is made of the value: `${NAME:-otherwise}`, `${NAME%pattern}`. */
export interface VariablePart {
  readonly kind: 'variable';
  readonly name: string;
  readonly quoted: boolean;
  /** `[@]`, `[*]`, `[2]` of an array: what stands in the brackets. */
  readonly index?: string;
  /** `${#NAME}`: how long the value is. */
  readonly counted?: true;
  readonly operator?: string;
  /** What stands after the operator. */
  readonly argument?: readonly Part[];
}

/** A word of a script and where it stands. */
export interface Word {
  readonly parts: readonly Part[];
  readonly at: number;
  readonly length: number;
  readonly line: number;
}

/** The text of a word that is one plain text: keywords are, and names of commands mostly. */
export const plainOf = (word: Word | undefined): string | undefined =>
  word?.parts.length === 1 ? plainText(word.parts[0]) : undefined;

/** The plain text that a word begins with. */
export const plainStart = ({ parts: [first] }: Word): string => plainText(first) ?? '';

/** The text of a part that stands in no quotes. */
export const plainText = (part: Part | undefined): string | undefined =>
  part?.kind === 'text' && !part.quoted ? part.text : undefined;
