import { formatAddress, parseAddress } from '../../address/index.ts';

/** So many addresses are kept. */
const MOST = 1024;

/**
 * IPv4 addresses as numbers and as text. A proxy meets the same few over and over, and to write or read one takes longer than to look it
 * up; when there are too many, all are forgotten.
 */
export class Ipv4Texts {
  readonly #texts = new Map<number, string>();
  readonly #values = new Map<string, number>();

  text(value: number): string {
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    const text = formatAddress('ipv4', value);
    this.#keep(value, text);
    return text;
  }

  /** Undefined for what is no IPv4 address. */
  value(text: string): number | undefined {
    const known = this.#values.get(text);
    if (known !== undefined) return known;
    const parsed = parseAddress(text);
    if (typeof parsed?.value !== 'number') return undefined;
    this.#keep(parsed.value, text);
    return parsed.value;
  }

  #keep(value: number, text: string): void {
    if (this.#texts.size >= MOST) {
      this.#texts.clear();
      this.#values.clear();
    }
    this.#texts.set(value, text);
    this.#values.set(text, value);
  }
}
