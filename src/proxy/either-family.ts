import { explainListen, lacksFamily } from './errors.ts';

/** Listens on `::` for both families, or on 0.0.0.0 where this host has no IPv6. */
export async function onEitherFamily<T>(
  address: string,
  port: number,
  purpose: string,
  open: (address: string) => Promise<T>,
): Promise<T> {
  try {
    return await open(address);
  } catch (error) {
    if (address !== '::' || !lacksFamily(error)) throw explainListen(error, port, purpose);
  }
  try {
    return await open('0.0.0.0');
  } catch (error) {
    throw explainListen(error, port, purpose);
  }
}
