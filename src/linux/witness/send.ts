import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../command.ts';
import { openTraceReceiver, type TraceReceiver } from '../nftrace/receive.ts';
import { openTraceTable, type TraceTable } from '../nftrace/table.ts';
import { FIRST, readPlaces, type ToldMessage, toldMessage, WATCHING } from '../nftrace/watch.ts';
import { SystemCallFailed } from '../socket/calls.ts';
import type { Owner } from '../socket/owner.ts';
import { demandTool } from '../tool.ts';
import { type PacketFields, writePacket } from './bytes.ts';
import { type Card, openCard } from './card.ts';
import { openForgetting } from './forget.ts';
import { openSender, type Sender, sockaddrOf } from './sender.ts';

// Runs in a Node of its own inside the namespace: devices, sockets and netlink are of the namespace in which they are opened.

/** A packet to send: one that comes in by the card, or one that a process here sends. */
export interface SentPacket extends PacketFields {
  readonly sender: { readonly owner: Owner; readonly mark: number } | undefined;
}

/** What is asked of the child. */
export interface SendRequest {
  readonly table: string;
  readonly card: string;
  /** In ip's words: `192.0.2.241/28`. What is sent to others of these networks ends at the card. */
  readonly addresses: readonly string[];
  readonly packets: readonly SentPacket[];
}

/** What the kernel told of each packet, in the order in which they were sent. */
export interface SendResult {
  /** The card's number. */
  readonly index: number;
  readonly told: readonly (readonly ToldMessage[])[];
}

/** Behind all rules, before connection tracking keeps a connection (NF_IP_PRI_LAST). */
const LAST = 0x7fff_fffe;
/** Marks what this program's sockets send: nothing that the kernel sends by itself has it. */
const PRIORITY = 0x51de;
/** IPv4's identification, and the id of an echo request: such as nobody else is likely to have. */
const FIRST_ID = 0xd1de;
/** Milliseconds that the kernel is given for a packet; it needs less than one. */
const PATIENCE = 60;
const TICK = 2;

export const requestText = (request: SendRequest): string =>
  JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));

export const requestIn = (text: string): SendRequest =>
  JSON.parse(text, (_, value: unknown) =>
    typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as SendRequest;

/**
 * Sends packets, one after the other, and gives what the kernel tells of each. A table of this process's own drops them behind the
 * last rule: no program gets one, none leaves this host, no connection is kept: the card and the table go with this process.
 * Throws SystemCallFailed, TraceTableRefused, MissingPackage.
 */
export async function send({ table: name, card: title, addresses, packets }: SendRequest): Promise<SendResult> {
  const card = packets.some(({ sender }) => sender === undefined) ? await openedCard(title, addresses) : undefined;
  const index = card?.index() ?? 0;
  let table: TraceTable | undefined;
  let receiver: TraceReceiver | undefined;
  const forgetting = openForgetting();
  try {
    table = openTable(name, index);
    receiver = openTraceReceiver();
    const places = readPlaces();
    const told: ToldMessage[][] = [];
    for (const [at, packet] of packets.entries()) {
      const messages: ToldMessage[] = [];
      const id = FIRST_ID + at;
      // Whose it is to be this process may not become, where its user namespace does not know the id.
      if (!sendOne(packet, id, card)) {
        told.push([]);
        continue;
      }
      for (let waited = 0; waited < PATIENCE && !messages.some(isLast); waited += TICK) {
        const come = receiver.receive((message) => messages.push(toldMessage(message, places)));
        if (come === 0) await sleep(TICK);
      }
      // What leaves by loopback has left: its connection is kept.
      if (packet.sender) forgetting.forget(packet, id);
      told.push(messages);
    }
    return { index, told };
  } finally {
    forgetting.close();
    receiver?.close();
    table?.close();
    card?.close();
  }
}

const isLast = ({ verdict, policy }: ToldMessage): boolean => verdict === 'drop' || policy === 'drop';

async function openedCard(title: string, addresses: readonly string[]): Promise<Card> {
  const card = openCard(title);
  try {
    // Whether a source could be answered by this card is no question of the rules.
    writeFileSync(`/proc/sys/net/ipv4/conf/${title}/rp_filter`, '0');
    const lines = [
      `link set ${title} addrgenmode none`,
      `link set ${title} up`,
      ...addresses.map((each) => `address add ${each} dev ${title}${each.includes(':') ? ' nodad' : ''}`),
    ];
    const { status, stderr } = await run([demandTool('ip'), '-batch', '-'], { input: `${lines.join('\n')}\n` });
    if (status !== 0) throw new Error(`a card for them cannot be set up: ${stderr.trim()}`);
    return card;
  } catch (error) {
    card.close();
    throw error;
  }
}

function openTable(name: string, iif: number): TraceTable {
  const came = iif === 0 ? [] : [{ iif }];
  const ours = (leaving: boolean) => [...came, { priority: PRIORITY, leaving }];
  return openTraceTable(name, [
    { name: WATCHING.arrives, hook: 'PREROUTING', priority: FIRST, trace: { iifs: came.map((one) => one.iif) } },
    { name: WATCHING.departs, hook: 'OUTPUT', priority: FIRST, trace: { priority: PRIORITY }, owner: true },
    { name: WATCHING.received, hook: 'INPUT', priority: LAST, drops: ours(false) },
    { name: 'onward', hook: 'FORWARD', priority: LAST, drops: ours(false) },
    { name: WATCHING.leaves, hook: 'POSTROUTING', priority: LAST, drops: ours(true) },
  ]);
}

const bytes = new Uint8Array(256);

/** False: it may not be sent in that name. */
function sendOne(packet: SentPacket, id: number, card: Card | undefined): boolean {
  const length = writePacket(packet, id, bytes);
  if (!packet.sender) {
    card?.arrive(bytes, length);
    return card !== undefined;
  }
  let sender: Sender;
  try {
    sender = openSender(packet.family, packet.sender.owner, PRIORITY);
  } catch (error) {
    if (error instanceof SystemCallFailed && error.code === 'EPERM') return false;
    throw error;
  }
  try {
    if (packet.sender.mark !== 0) sender.mark(packet.sender.mark);
    sender.send(bytes, length, sockaddrOf(packet.destination));
    return true;
  } finally {
    sender.close();
  }
}
