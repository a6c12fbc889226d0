import type { PortRange } from '../address/index.ts';
import type { BypassPlan } from '../interception/index.ts';
import { printRule } from '../text/index.ts';
import { endDocument } from './difference-document.ts';
import { bypassDocument } from './listing-document.ts';
import type { Moved, Spoken } from './moved.ts';
import { outcomePhrase } from './packet.ts';
import type { Told } from './plan.ts';
import { isExact, type Proof } from './proof.ts';
import { packetsSaid } from './proof-screen.ts';
import type { PlanDocument } from './schema/plan.ts';
import { isAsMeant, isMoved } from './witnesses.ts';

/** What `bypass -o json` prints without --apply. */
export const planDocument = (plan: BypassPlan, { check, proof, why, refused }: Told, origin: string): PlanDocument => ({
  schema: 'sidestep/bypass/1',
  origin,
  ports: plan.request.ports.map(pair),
  ...(plan.request.until === undefined ? {} : { until: new Date(plan.request.until * 1000).toISOString() }),
  changes: plan.changes.map(({ rule, was, ...place }) => ({
    ...place,
    rule: printRule(rule, place.family),
    ...(was ? { was: printRule(was, place.family) } : {}),
  })),
  ...(why === undefined ? {} : { chosen: why }),
  ...(refused === undefined ? {} : { refused }),
  unchanged: unchangedDocument(plan),
  idle: plan.idle.map((bypass) => bypassDocument(bypass, plan.idle)),
  notCovered: plan.notCovered.map((notice) => ({ ...notice })),
  proof: proofDocument(proof),
  check: {
    asMeant: check.asMeant,
    notFollowed: check.left,
    packets: check.witnesses.map((witness) => ({
      packet: witness.packet,
      family: witness.family,
      meant: witness.meant,
      before: outcomePhrase(witness.before),
      after: outcomePhrase(witness.after),
      moved: isMoved(witness),
      asMeant: isAsMeant(witness),
    })),
  },
});

const proofDocument = (proof: Proof): PlanDocument['proof'] => ({
  exact: isExact(proof),
  moved: proof.moved.map(movedDocument),
  beyond: proof.beyond.map(movedDocument),
  left: proof.left.map(saidDocument),
  open: [...proof.open],
});

/** A set of packets as JSON has it: in words. */
export const saidDocument = (said: Spoken) => ({
  family: said.family,
  direction: said.direction,
  packets: [...packetsSaid(said)],
});

export const movedDocument = (moved: Moved) => ({
  ...saidDocument(moved),
  before: endDocument(moved.before, moved.family),
  after: endDocument(moved.after, moved.family),
});

/** The ports for which a plan changes nothing. */
export const unchangedDocument = ({ already, unneeded }: Pick<BypassPlan, 'already' | 'unneeded'>) =>
  [...already, ...unneeded].map(({ kind, family, ports, because }) => ({
    kind,
    family,
    ports: ports.map(pair),
    because,
  }));

const pair = ([low, high]: PortRange): [number, number] => [low, high];
