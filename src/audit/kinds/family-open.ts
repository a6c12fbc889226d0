import { FAMILIES, type Family, type PortRange } from '../../address/index.ts';
import { type PacketSet, valuesOf } from '../../analysis/index.ts';
import { familyWord, listed, outcomePhrase, portWord } from '../../explain/index.ts';
import { familyOfWord, withoutPorts } from '../../interception/index.ts';
import { type Audited, catching, deciding, exampleWords, fated, laneOf, surelyFated } from '../audited.ts';
import type { Finding } from '../finding.ts';
import { type Lane, TCP_ONLY } from '../lanes.ts';
import type { Kind } from './kind.ts';

/** One family is intercepted, and the other goes past the proxy: all of it, or to some ports. */
export const familyOpen: Kind = {
  name: 'family-open',
  about: 'Connections of one family go through the proxy, and those of the other past it.',
  look: (audited) =>
    (['inbound', 'outbound'] as const).flatMap((name) =>
      FAMILIES.flatMap((family): readonly Finding[] => {
        const other = family === 'ipv4' ? 'ipv6' : 'ipv4';
        const [lane, beside] = [laneOf(audited, name, family), laneOf(audited, name, other)];
        if (!lane || !beside || !fated(beside, 'proxy') || hasAddress(audited, family) === false) return [];
        return fated(lane, 'proxy') ? openPorts(audited, lane, beside) : wholeOpen(audited, lane, beside);
      }),
    ),
};

/** Nothing of the family is caught, and of what the other one catches some goes past the proxy. */
function wholeOpen(audited: Audited, lane: Lane, beside: Lane): readonly Finding[] {
  const { name, family } = lane;
  const caught = fated(beside, 'proxy');
  const ports = portsOf(caught);
  const direct = ofOwners(fated(lane, 'direct')?.where(toPorts(ports)), caught);
  const open = openTo(audited, lane, direct, beside.family, `${name} ${familyWord(family)}`, ports);
  return open ? [{ ...open, mend: mend(audited, name, family) }] : [];
}

/** Some ports are caught in the other family, and in this one whoever calls they are not. */
function openPorts(audited: Audited, lane: Lane, beside: Lane): readonly Finding[] {
  const other = beside.family;
  const wanted = portsOf(surelyFated(beside, 'proxy'));
  const direct = fated(lane, 'direct')?.where(TCP_ONLY);
  const ports = withoutPorts(wanted, portsOf(fated(lane, 'proxy'))).filter(
    ([port]) => direct?.where(toPorts([[port, port]])).isEmpty === false,
  );
  const [port] = ports[0] ?? [];
  if (port === undefined) return [];
  const few = ports.slice(0, MOST_PORTS).map(portWord);
  const words = listed(ports.length > MOST_PORTS ? [...few, 'others'] : few);
  const subject = `${lane.name} ${familyWord(lane.family)} to ${words}`;
  const open = openTo(audited, lane, direct?.where(toPorts([[port, port]])), other, subject, [[port, port]]);
  const mend = `do the same in both families: what ${familyWord(other)} does with ${words}, or what ${familyWord(lane.family)} does`;
  return open ? [{ ...open, level: 'medium', mend }] : [];
}

/** The ports to which any of these connections goes. */
const portsOf = (packets: PacketSet | undefined): readonly PortRange[] =>
  packets ? ((valuesOf(packets.where(TCP_ONLY), 'destinationPort') as readonly PortRange[] | undefined) ?? ALL) : [];

/** Those of these packets that are sent by a user and a group of which the other family's are caught. */
const ofOwners = (direct: PacketSet | undefined, caught: PacketSet | undefined): PacketSet | undefined =>
  (['uid', 'gid'] as const).reduce((left, field) => {
    const ranges = caught && (valuesOf(caught, field) as readonly PortRange[] | undefined);
    return ranges ? left?.where({ kind: 'in', field, ranges }) : left;
  }, direct);

const toPorts = (ranges: readonly PortRange[]) => ({ kind: 'in', field: 'destinationPort', ranges }) as const;

const ALL: readonly PortRange[] = [[0, 65_535]];

/** More ranges are not said. */
const MOST_PORTS = 6;

/** Which of many ports an example goes to. */
const USUAL_PORTS: readonly number[] = [80, 8080, 443];

function openTo(
  audited: Audited,
  { family }: Lane,
  direct: PacketSet | undefined,
  other: Family,
  subject: string,
  ports: readonly PortRange[],
): Omit<Finding, 'mend'> | undefined {
  const found = audited.example(direct?.where(TCP_ONLY));
  if (!found) return undefined;
  const { question } = found;
  const { destinationPort: asked = -1 } = question.packet;
  // This family's rules may not tell such a port from its neighbours: they stand for it.
  const isAmong = (port: number): boolean => ports.some(([low, high]) => low <= port && port <= high);
  const destinationPort = USUAL_PORTS.find(isAmong) ?? ports[0]?.[0];
  const example = isAmong(asked)
    ? found
    : audited.followed({ ...question, packet: { ...question.packet, destinationPort } });
  // Where no rule lets it by, it is the want of that which catches it in the other family.
  const letting = deciding(example.trace).filter(({ table }) => table !== 'filter' && table !== 'security');
  const here = hasAddress(audited, family);
  const packet = `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}`;
  const open = `${subject} is not intercepted, though ${familyWord(other)} is: ${packet}.`;
  return {
    level: here ? 'high' : 'medium',
    family,
    says: here ? open : `${open} It matters if this host has an ${familyWord(family)} address: that was not read.`,
    example,
    rules: letting.length > 0 ? letting : catching(audited, other, example),
  };
}

/** Whether others can reach this host by a family, beyond its own link; undefined where that was not read. */
const hasAddress = ({ snapshot: { interfaces } }: Audited, family: Family): boolean | undefined =>
  interfaces?.some(({ addresses }) => addresses.some((own) => own.family === family && own.scope === 'global'));

/** All networks of a family. */
const EVERYWHERE = { ipv4: '0.0.0.0/0', ipv6: '::/0' } as const;

function mend({ written, writing }: Audited, lane: Lane['name'], family: Family): string {
  if (!written) return `write the same rules for ${familyWord(family)}, or take the ${familyWord(family)} address away`;
  const { interception } = written;
  const { include, includePorts } = interception.outbound;
  // Networks are of one family: that none of the other is named leaves it open.
  const named = include === '*' || includePorts.length > 0 || include.some((word) => familyOfWord(word) === family);
  const wider = lane === 'outbound' && include !== '*' && !named ? [...include, EVERYWHERE[family]] : include;
  const both = {
    ...interception,
    // That of 2018 knows one family.
    dialect: interception.dialect === 'istio-2018' ? ('istio' as const) : interception.dialect,
    families: FAMILIES,
    outbound: { ...interception.outbound, include: wider },
  };
  return writing(both);
}
