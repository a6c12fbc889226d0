import { randomBytes } from 'node:crypto';
import type { KernelAccount, Snapshot } from '../../netfilter/index.ts';
import { run } from '../command.ts';
import type { Namespace } from '../namespace.ts';
import { PacketAccounts } from '../nftrace/accounts.ts';
import { idleIn, titlesIn, WATCH_TABLE } from '../nftrace/idle.ts';
import { tellsConnections } from '../nftrace/message.ts';
import { builtModule } from '../socket/installed.ts';
import { requestText, type SendRequest, type SendResult, type SentPacket } from './send.ts';

const INSIDE = `
const { requestIn, send } = await import(process.argv[1]);
process.stdout.write(JSON.stringify(await send(requestIn(process.argv[2]))), () => process.exit(0));`;

/** Packets could not be sent. It says nothing of the rules. */
export class NothingSent extends Error {
  override readonly name = 'NothingSent';
}

/**
 * Sends packets through the rules of a namespace as it is now, and gives the kernel's account of each; undefined where it told
 * nothing. They go no further than the last rule (see send.ts). `held` is what the namespace holds, `card` the device by which
 * they come in, which is there for that time only. Throws NothingSent.
 */
export async function throughKernel(
  namespace: Namespace,
  held: Snapshot,
  { card, addresses, packets }: Omit<SendRequest, 'table'>,
): Promise<readonly (KernelAccount | undefined)[]> {
  const table = `${WATCH_TABLE}${process.pid}-${randomBytes(3).toString('hex')}`;
  const request = requestText({ table, card, addresses, packets });
  const words = [process.execPath, '--input-type=module', '-e', INSIDE, builtModule('dist/linux/witness/send.js')];
  const { status, stdout, stderr } = await run([...namespace.enter, ...words, request]);
  if (status !== 0) throw new NothingSent(reasonIn(stderr));
  const { index, told } = JSON.parse(stdout) as SendResult;
  const names = new Map(held.interfaces?.map((one) => [one.index, one.name]));
  if (index !== 0) names.set(index, card);
  return told.map((messages, at) => {
    const accounts = new PacketAccounts({
      table,
      nameOf: (number) => names.get(number),
      idle: idleIn(held),
      titleOf: titlesIn(held),
      tellsConnections: tellsConnections(),
    });
    const now = Date.now();
    for (const message of messages) accounts.take(message, now);
    // Nothing more is awaited.
    return accounts.done(Number.POSITIVE_INFINITY).find((account) => isOf(account, packets[at]!));
  });
}

const isOf = ({ direction }: KernelAccount, { sender }: SentPacket): boolean => direction === (sender ? 'out' : 'in');

/** The error's own line of what Node prints of it. */
function reasonIn(stderr: string): string {
  const [, line] =
    /^(?:Uncaught )?(?:\w*Error|\w+Failed|\w+Refused|Missing\w+|NotPermitted): (.*)$/m.exec(stderr) ?? [];
  const said = line ?? stderr.trim().split('\n')[0] ?? '';
  if (/\/dev\/net\/tun/.test(said)) return 'there is no /dev/net/tun here, or it may not be opened';
  return said;
}
