import type { Family } from '../address/index.ts';
import { type Block, bad, faint, good, line, paragraph } from './screen.ts';

/** One end of a connection, as linux tells it. */
interface End {
  readonly address: string;
  readonly port: number;
}

/** What became of a live probe. */
export interface ProbeShown {
  readonly family: Family;
  readonly dialled: End;
  readonly ok: boolean;
  readonly reached?: End;
  readonly original?: End;
  readonly because?: string;
}

/** A live probe in one line each: what was dialled, what it reached, why that is right or wrong. */
export const probeBlocks = (results: readonly ProbeShown[]): Block[] =>
  results.map(({ family, dialled, ok, reached, original, because }) => {
    const at = endWords(family, dialled);
    const end = reached ? ` reached :${reached.port}` : ' was answered';
    const seen = original ? ' with its original destination' : '';
    return ok
      ? paragraph(
          line(good('✓ '), `live probe: a connection to ${at}${end}${seen}`, faint(because ? ` (${because})` : '')),
          2,
        )
      : paragraph(
          line(bad('✗ '), `live probe: a connection to ${at} did not reach the proxy: ${because ?? 'not known why'}`),
          2,
        );
  });

const endWords = (family: Family, { address, port }: End): string =>
  family === 'ipv6' ? `[${address}]:${port}` : `${address}:${port}`;
