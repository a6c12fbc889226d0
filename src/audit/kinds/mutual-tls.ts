import { type PortRange, parsePortRange, union } from '../../address/index.ts';
import { listed, outcomePhrase, portWord, purposeOf } from '../../explain/index.ts';
import { bypassesIn } from '../../interception/index.ts';
import { type Audited, deciding, exampleWords, fated, laneOf } from '../audited.ts';
import type { Example } from '../finding.ts';
import { TCP_ONLY } from '../lanes.ts';
import type { Kind } from './kind.ts';

/** Ports that pass the proxy by, and are not the mesh's own: clients in the mesh go on sending them mutual TLS. */
export const mutualTls: Kind = {
  name: 'mutual-tls',
  about:
    'Clients in the mesh may send mutual TLS to a port that passes the proxy by, and the app does not understand it.',
  look(audited) {
    const shown = passing(audited).flatMap((range): readonly Shown[] => {
      const example = exampleOf(audited, range);
      return example ? [{ range, example }] : [];
    });
    const [first] = shown;
    if (!first) return [];
    const ports = listed(shown.map(({ range }) => portWord(range)));
    const { example } = first;
    return [
      {
        level: 'info',
        says:
          `inbound tcp to ${ports} passes the proxy by, and clients in the mesh may send it mutual TLS, which an app does not understand: ` +
          `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}.`,
        example,
        rules: deciding(example.trace),
        mend: `if clients in the mesh call ${ports}: a DestinationRule with tls mode DISABLE for the port`,
      },
    ];
  },
};

interface Shown {
  readonly range: PortRange;
  readonly example: Example;
}

/** Ports of ssh and of the mesh itself, which it leaves out on purpose. */
const isOwn = (port: number): boolean => /^(?:ssh$|Envoy |Istio |HBONE )/.test(purposeOf(port) ?? '');

/** What is left out by the mesh's own list, or by a bypass. */
function passing({ written, snapshot, now }: Audited): readonly PortRange[] {
  if (!written) return [];
  const { include, exclude } = written.interception.inbound;
  const listed = include === '*' ? exclude.flatMap((word) => [parsePortRange(word) ?? []].filter(isRange)) : [];
  const bypassed = bypassesIn(snapshot, now).flatMap(({ ports, kind, expired }) =>
    kind === 'self' || expired ? [] : ports,
  );
  const others = [...listed, ...bypassed].filter(([low, high]) => low !== high || !isOwn(low));
  return union(others) as unknown as readonly PortRange[];
}

const isRange = (one: PortRange | readonly []): one is PortRange => one.length === 2;

/** A packet to the first port, where it passes the proxy by and, as far as that is known, an app gets it. */
function exampleOf(audited: Audited, [port]: PortRange): Example | undefined {
  const to = { kind: 'in', field: 'destinationPort', ranges: [[port, port]] } as const;
  for (const family of audited.families) {
    const direct = fated(laneOf(audited, 'inbound', family), 'direct')?.where(TCP_ONLY);
    const question = direct?.where(to).witness();
    if (!question) continue;
    const example = audited.followed({ ...question, packet: { ...question.packet, destinationPort: port } });
    if (example.trace.outcome.kind === 'app') return example;
  }
  return undefined;
}
