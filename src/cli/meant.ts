import type { Command } from 'commander';

/**
 * The error for an unknown flag, with the hidden flag that was meant. Commander looks for it among those that help shows;
 * istio-iptables' own names are none of these.
 */
export async function withMeantFlag(error: unknown, command: Command | undefined): Promise<unknown> {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (code !== 'commander.unknownOption' || typeof message !== 'string' || message.includes('\n')) return error;
  const flag = /'(--[^'=]+)/.exec(message)?.[1];
  const hidden = command?.options.flatMap(({ hidden, long }) => (hidden && long ? [long] : [])) ?? [];
  if (flag === undefined || hidden.length === 0) return error;
  const { nearest } = await import('../interception/index.ts');
  const best = nearest(flag, hidden);
  if (best !== undefined) (error as Error).message = `${message}\n(Did you mean ${best}?)`;
  return error;
}
