import { formatAddress } from '../address/index.ts';
import { CTSTATE, formatField, type Packet, protocolName } from '../netfilter/index.ts';
import type { Endpoint, Outcome, Step, Trace } from '../trace/index.ts';
import { questionWords } from './packet.ts';
import { whyNot } from './reason.ts';
import { stepRuleText, stepWords } from './rule.ts';
import type { TraceDocument } from './schema/trace.ts';

type PacketDocument = TraceDocument['packet'];
type OutcomeDocument = TraceDocument['outcome'];
type StepDocument = TraceDocument['steps'][number];

/** One packet's walk as `trace -o json` prints it. */
export const traceDocument = (trace: Trace): TraceDocument => ({ schema: 'sidestep/trace/1', ...packetTold(trace) });

/** All that is told of one packet. */
export const packetTold = (trace: Trace): Omit<TraceDocument, 'schema'> => ({
  question: questionWords(trace.question),
  direction: trace.question.direction,
  ...(trace.inReplyTo ? { inReplyTo: questionWords(trace.inReplyTo) } : {}),
  packet: packetDocument(trace.question.packet),
  assumptions: [...trace.question.assumptions],
  outcome: outcomeDocument(trace.outcome, trace),
  possible: trace.possible.map(({ outcome, because }) => ({ outcome: outcomeDocument(outcome, trace), because })),
  final: packetDocument(trace.packet),
  steps: trace.steps.map(stepDocument),
});

/** A packet with its addresses and states in words. What is not known is left out. */
export function packetDocument(packet: Packet): PacketDocument {
  const { family, protocol, source, destination, ctstate, tcpFlags, sourceMac } = packet;
  return {
    family,
    protocol: protocolName(protocol),
    ...(source === undefined ? {} : { source: formatAddress(family, source) }),
    ...given('sourcePort', packet.sourcePort),
    destination: formatAddress(family, destination),
    ...given('destinationPort', packet.destinationPort),
    ...(packet.in ? { in: packet.in } : {}),
    ...(packet.out ? { out: packet.out } : {}),
    ...given('mark', packet.mark),
    ...(ctstate === undefined ? {} : { state: stateName(ctstate, family) }),
    ...given('uid', packet.uid),
    ...given('gid', packet.gid),
    ...given('ttl', packet.ttl),
    ...(tcpFlags === undefined
      ? {}
      : { tcpFlags: tcpFlags === 0 ? 'NONE' : formatField('tcpFlags', tcpFlags, family) }),
    ...(sourceMac === undefined ? {} : { sourceMac: formatField('sourceMac', sourceMac, family) }),
    ...given('icmpType', packet.icmpType),
    ...given('icmpCode', packet.icmpCode),
  };
}

const stateName = (state: number, family: Packet['family']): string =>
  Object.values<number>(CTSTATE).includes(state) ? formatField('ctstate', state, family) : String(state);

/** An optional property: absent where the value is not known. */
const given = <K extends string>(key: K, value: number | undefined): { [P in K]?: number } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]: number });

/** Where a packet ends. */
export function outcomeDocument(outcome: Outcome, { question }: Pick<Trace, 'question'>): OutcomeDocument {
  const { family } = question.packet;
  const spoken = ({ address, port }: Endpoint) => ({ address: formatAddress(family, address), port });
  if (outcome.kind === 'answered') return { ...outcome, from: spoken(outcome.from) };
  if (outcome.kind !== 'proxy') return { ...outcome };
  const { original, ...rest } = outcome;
  return original ? { ...rest, original: spoken(original) } : rest;
}

function stepDocument(step: Step): StepDocument {
  switch (step.kind) {
    case 'hook':
      return { kind: 'hook', hook: step.hook, pass: step.pass, packet: packetDocument(step.packet) };
    case 'table': {
      const { changed, ...rest } = step;
      return { ...rest, ...(changed ? { changed: packetDocument(changed) } : {}) };
    }
    case 'policy':
    case 'route':
      return { ...step };
    case 'rule': {
      const { hook, table, chain, number, depth, answer, packet, changed, decisive, taken, note } = step;
      const done = stepWords(step);
      return {
        kind: 'rule',
        hook,
        table,
        chain,
        number,
        depth,
        rule: stepRuleText(step),
        answer,
        ...(decisive ? { why: whyNot(decisive.predicate, packet) } : {}),
        ...(done === '' ? {} : { effect: done }),
        ...(changed ? { changed: packetDocument(changed) } : {}),
        ...(taken === undefined ? {} : { taken }),
        ...(note === undefined ? {} : { note }),
      };
    }
    case 'socket': {
      const { decision, listener } = step;
      if (!listener) return { kind: 'socket', decision };
      return {
        kind: 'socket',
        decision,
        listener: {
          address: formatAddress(listener.family, listener.address),
          port: listener.port,
          ...(listener.process ? { process: { ...listener.process } } : {}),
        },
      };
    }
  }
}
