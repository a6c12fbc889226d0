import type { Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { UnreadableInput } from './usage.ts';

/** More than this is no rule listing: the largest known firewalls take a tenth of it. */
export const LIMIT_BYTES = 64 * 1024 * 1024;

const EXPECTED = 'Expected is what iptables-save prints, or a snapshot: sudo iptables-save > rules.txt';

/** What a file was found to be by its first bytes, and how to get at rules from there. */
const MAGIC: readonly (readonly [bytes: readonly number[], what: string, hint: string])[] = [
  [[0x1f, 0x8b], 'gzip-compressed', 'Unpack it first: gunzip -c FILE | sidestep list --from -'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd-compressed', 'Unpack it first: zstdcat FILE | sidestep list --from -'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz-compressed', 'Unpack it first: xzcat FILE | sidestep list --from -'],
  [[0x50, 0x4b, 0x03, 0x04], 'a zip archive', 'Unpack it first: unzip -p FILE | sidestep list --from -'],
  [[0x7f, 0x45, 0x4c, 0x46], 'a program', EXPECTED],
  [[0xff, 0xfe], 'UTF-16 text', 'PowerShell writes that by default. Save it as UTF-8: Out-File -Encoding utf8'],
  [[0xfe, 0xff], 'UTF-16 text', 'Save it as UTF-8.'],
  [[0xd4, 0xc3, 0xb2, 0xa1], 'a packet capture', EXPECTED],
  [[0x0a, 0x0d, 0x0d, 0x0a], 'a packet capture', EXPECTED],
];

/**
 * Reads a file of text, or standard input for `-`. Refuses what cannot be rules before it costs memory: a folder, bytes
 * that are not text, more than LIMIT_BYTES.
 */
export async function readText(path: string, { keepGoing = false } = {}): Promise<string> {
  const source = path === '-' ? 'standard input' : path;
  const bytes = path === '-' ? await readStandardInput() : await readFile(path);
  if (bytes.length === 0) {
    throw new UnreadableInput(
      source,
      'is empty',
      `${EXPECTED}\nWithout root iptables-save prints nothing; neither does it where no table was ever touched.`,
    );
  }
  return decode(bytes, source, keepGoing);
}

async function readStandardInput(): Promise<Buffer> {
  if (process.stdin.isTTY) {
    process.stderr.write('sidestep: reading rules from the terminal; end with Ctrl-D\n');
  }
  return collect(process.stdin, 'standard input');
}

async function readFile(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const stats = await file.stat();
      refuseKind(path, stats);
      return await collect(file.createReadStream({ autoClose: false }), path);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explained(path, error);
  }
}

function refuseKind(path: string, stats: Stats): void {
  if (stats.isDirectory()) throw new UnreadableInput(path, 'is a folder', 'Name a file in it.');
  if (stats.isFile() && stats.size > LIMIT_BYTES) throw tooBig(path, stats.size);
}

/** Reads at most LIMIT_BYTES: a device or a pipe may never end. */
async function collect(stream: AsyncIterable<Buffer>, source: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > LIMIT_BYTES) throw tooBig(source, undefined);
  }
  return Buffer.concat(chunks);
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`;

const tooBig = (source: string, size: number | undefined): UnreadableInput =>
  new UnreadableInput(
    source,
    `is ${size === undefined ? `more than ${megabytes(LIMIT_BYTES)}` : megabytes(size)}, too big for rules (the limit is ${megabytes(LIMIT_BYTES)})`,
    'Is it the right file? A listing of 100,000 rules takes about 10 MB.',
  );

function explained(path: string, error: unknown): unknown {
  if (error instanceof UnreadableInput) return error;
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return new UnreadableInput(
        path,
        'no such file',
        'Check the name, or pipe the rules in: iptables-save | sidestep list --from -',
      );
    case 'EACCES':
    case 'EPERM':
      return new UnreadableInput(path, 'not readable for this user', `See who may read it: ls -l ${path}`);
    case 'EISDIR':
      return new UnreadableInput(path, 'is a folder', 'Name a file in it.');
    case 'ENOTDIR':
      return new UnreadableInput(path, 'a part of the path is not a folder', 'Check the name.');
    default:
      return error;
  }
}

/** Where a zero byte stands that no text has: what `iptables -L` (1.8.9) prints of a bpf match ends in one. */
function zeroIn(bytes: Buffer): number {
  let at = bytes.indexOf(0);
  while (at >= 0 && endsBpf(bytes, at)) at = bytes.indexOf(0, at + 1);
  return at;
}

/** Whether numbers stand before this place, and `match bpf` before them. */
function endsBpf(bytes: Buffer, end: number): boolean {
  let at = end;
  while (at > 0 && /[\d ,]/.test(String.fromCharCode(bytes[at - 1] ?? 0))) at -= 1;
  return bytes.toString('latin1', Math.max(0, at - 'match bpf'.length), at) === 'match bpf';
}

function decode(bytes: Buffer, source: string, keepGoing: boolean): string {
  for (const [magic, what, hint] of MAGIC) {
    if (magic.every((byte, index) => bytes[index] === byte))
      throw new UnreadableInput(source, `is ${what}, not ${what.endsWith('text') ? 'UTF-8' : 'text'}`, hint);
  }
  const zero = zeroIn(bytes);
  if (zero >= 0) throw new UnreadableInput(source, `is not text: byte ${zero + 1} is zero`, EXPECTED);
  const text = new TextDecoder('utf-8', { fatal: false }).decode(bytes);
  if (!keepGoing && text.includes('\ufffd') && !bytes.includes(Buffer.from('\ufffd'))) {
    const line = text.slice(0, text.indexOf('\ufffd')).split('\n').length;
    throw new UnreadableInput(
      `${source}:${line}`,
      'holds bytes that are not UTF-8 text',
      `Convert it: iconv -f latin1 -t utf-8 FILE. Or read it anyway, with those bytes replaced: --keep-going`,
    );
  }
  return text;
}
