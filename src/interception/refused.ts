/** One value that cannot be taken. */
export interface Problem {
  /** The option as it was typed (`-b`, `ISTIO_INBOUND_PORTS`), or the part of the interception (`inbound.include`). */
  readonly about: string;
  readonly value: string;
  /** What would have been taken. */
  readonly expected: string;
  /** The likely cause, where there is one. */
  readonly cause?: string;
}

/**
 * What was asked for cannot be done as it was asked. All that is wrong is listed in one go; nothing was changed.
 *
 * @example -b 80801: expected is a port from 0 to 65535 …
 */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly problems: readonly Problem[];
  /** What would help, where one thing helps with all of it. */
  readonly hint: string | undefined;

  constructor(problems: readonly Problem[], hint?: string) {
    super(problems.map(sentence).join('\n'));
    this.problems = problems;
    this.hint = hint;
  }
}

function sentence({ about, value, expected, cause }: Problem): string {
  const given = value === '' ? about : `${about} ${printable(value)}`;
  return `${given}: expected is ${expected}${cause ? `. ${cause}` : ''}`;
}

/** A value as it may be shown: control characters as \xNN, a long one cut. */
function printable(value: string): string {
  const shown = value.replace(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}
