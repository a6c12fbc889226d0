/** Arguments that cannot be used: an unknown flag, two that exclude each other, a value out of its range. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** What would work. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** An input that cannot be read at all: a missing file, a folder, bytes that are not text. Exit status 2. */
export class UnreadableInput extends Error {
  override readonly name = 'UnreadableInput';
  readonly source: string;
  readonly hint: string;

  constructor(source: string, message: string, hint: string) {
    super(`${source}: ${message}`);
    this.source = source;
    this.hint = hint;
  }
}

/** Why a file cannot be written, in words where the reason is a common one. */
export function whyUnwritable({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return 'the folder it is to be in is not there';
    case 'ENOTDIR':
      return 'a part of the path is not a folder';
    case 'EISDIR':
      return 'it is a folder';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not';
    case 'EROFS':
      return 'the file system is read-only';
    case 'ENOSPC':
      return 'no space left';
    default:
      return message;
  }
}

/** What this system cannot do at all. Exit status 3. */
export class NotHere extends Error {
  override readonly name = 'NotHere';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Packets that cannot be read: each with its place, the text and a caret. Exit status 2. */
export class PacketsRefused extends Error {
  override readonly name = 'PacketsRefused';
}
