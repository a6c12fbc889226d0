import { describe, expect, test } from 'vitest';
import { difference, type Side } from '../../src/analysis/index.ts';
import { asWritten, defaultInterception, dialectOf, type Interception } from '../../src/interception/index.ts';

// What two dialects write for the same interception treats every packet alike that comes in, or that a program here sends. Packets
// that the kernel makes itself have no owner: xt_owner's `! --uid-owner` then holds, nft's `meta skuid !=` does not.
const written = (interception: Interception) =>
  asWritten(dialectOf(interception.dialect).write(interception), interception.dialect);
const side = (interception: Interception): Side => ({ snapshot: written(interception), proxyPorts: [15001, 15006] });

const usual = defaultInterception('istio');
const BOTH: Partial<Interception> = { families: ['ipv4', 'ipv6'] };
const ASKED: readonly (readonly [title: string, asked: Partial<Interception>])[] = [
  [
    'all of it',
    { inbound: { include: '*', exclude: ['15020', '15021'] }, outbound: { ...usual.outbound, include: '*' } },
  ],
  [
    'lists of ports and networks',
    {
      inbound: { include: ['80', '8000:8100'], exclude: [] },
      outbound: {
        ...usual.outbound,
        include: ['10.0.0.0/8'],
        exclude: ['10.1.0.0/16'],
        includePorts: ['9000'],
        excludePorts: ['22'],
      },
    },
  ],
  ['nothing inbound', { outbound: { ...usual.outbound, include: '*', exclude: ['192.0.2.0/24'] } }],
  [
    'DNS, an excluded interface',
    {
      inbound: { include: '*', exclude: [] },
      outbound: { ...usual.outbound, include: '*' },
      dns: { ...usual.dns, capture: true, servers: ['10.96.0.10'] },
      interfaces: { exclude: ['net1'], virtual: [] },
    },
  ],
];

const OWNED = { kind: 'in', field: 'owned', ranges: [[1, 1]] } as const;

describe.each(ASKED)('istio and istio-nft, %s', (_, asked) => {
  test.each(['ipv4', 'ipv6'] as const)('%s', (family) => {
    const [one, other] = (['istio', 'istio-nft'] as const).map((dialect) =>
      side({ ...defaultInterception(dialect), ...BOTH, ...asked }),
    ) as [Side, Side];
    for (const direction of ['in', 'out'] as const) {
      const changes = difference(one, other, family, direction).filter(
        ({ possibly }) => !possibly.opening.where(OWNED).isEmpty,
      );
      expect(changes.map(({ before, after }) => `${direction} ${before.key} → ${after.key}`)).toEqual([]);
    }
  });
});

test('what is not the same is told', () => {
  const [one, other] = [['80'], ['81']].map((include) =>
    side({ ...usual, inbound: { include, exclude: [] }, outbound: { ...usual.outbound, include: [] } }),
  ) as [Side, Side];
  expect(
    difference(one, other, 'ipv4', 'in')
      .map(({ before, after }) => `${before.key} → ${after.key}`)
      .sort(),
  ).toEqual(['app own → proxy 15006', 'proxy 15006 → app own']);
});
