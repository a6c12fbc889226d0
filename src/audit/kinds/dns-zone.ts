import type { PacketSet } from '../../analysis/index.ts';
import { familyWord } from '../../explain/index.ts';
import { type Leaf, UDP } from '../../netfilter/index.ts';
import { deciding, exampleWords, fated, laneOf, surelyFated } from '../audited.ts';
import type { Finding } from '../finding.ts';
import type { Kind } from './kind.ts';

/** Where DNS goes to. */
const DNS = 53;

/** An app's DNS over UDP is caught, and conntrack cannot tell it from the proxy's own. */
export const dnsZone: Kind = {
  name: 'dns-zone',
  about:
    "DNS over UDP is turned to the proxy, and the proxy's own queries are in the same zone of conntrack: where both have one port, an answer goes astray.",
  look: (audited) =>
    audited.families.flatMap((family): readonly Finding[] => {
      // A listing is of one table: whether raw gives zones it does not tell.
      if (audited.snapshot.unread?.some(({ about }) => about === 'listing')) return [];
      const lane = laneOf(audited, 'outbound', family);
      const app = audited.example(queries(surelyFated(lane, 'proxy')));
      const proxy = audited.example(queries(fated(lane, 'direct')));
      if (!app || !proxy || app.trace.packet.ctzone !== proxy.trace.packet.ctzone) return [];
      return [
        {
          level: 'medium',
          family,
          says:
            `outbound ${familyWord(family)} DNS over UDP is turned to the proxy, and the proxy's own queries are in the same zone of conntrack: ` +
            `${exampleWords(app)} and ${exampleWords(proxy)} are one connection to it, so that an answer may go to the wrong one.`,
          example: app,
          rules: deciding(app.trace),
          mend:
            audited.reconcile !== undefined && audited.written?.interception.dns.capture
              ? audited.reconcile
              : "give the proxy's own queries, and the answers to them, a zone of their own in raw: -j CT --zone 1",
        },
      ];
    }),
};

function queries(packets: PacketSet | undefined): PacketSet | undefined {
  const at = (field: 'protocol' | 'destinationPort', value: number): Leaf => ({
    kind: 'in',
    field,
    ranges: [[value, value]],
  });
  return packets?.where(at('protocol', UDP)).where(at('destinationPort', DNS));
}
