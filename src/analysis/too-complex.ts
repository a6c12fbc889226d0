/** A question that needs more memory than it is worth. `found` says how far it came, a clause. */
export class TooComplex extends Error {
  override readonly name = 'TooComplex';
  readonly because: string;
  readonly found: string;

  constructor(because: string, found = 'nothing was found before') {
    super(`too complex: ${because}; ${found}`);
    this.because = because;
    this.found = found;
  }
}
