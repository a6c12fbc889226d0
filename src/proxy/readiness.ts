import { type Answer, type Asked, type OpenHttp, openHttp } from './http.ts';

/** What the kubelet asks a sidecar. */
export interface Readiness extends OpenHttp {
  /** From now on the answer is 503: nobody new shall be sent here. */
  fail(): void;
}

/** Where the kubelet looks, as in Istio. */
export const READINESS_PATH = '/healthz/ready';
/** Answered as long as there is anybody to answer, also while draining: who is not alive is killed. */
export const LIVENESS_PATH = '/healthz/live';

/** Answers `GET /healthz/ready` with 200, or with 503 once `fail` was called. Throws Node's error as it comes. */
export async function openReadiness(address: string, port: number, given?: number): Promise<Readiness> {
  let ready = true;
  const answer = ({ method, path }: Asked): Answer => {
    if (method === 'GET' && path === LIVENESS_PATH) return { status: 200, text: 'alive\n' };
    if (method !== 'GET' || path !== READINESS_PATH)
      return { status: 404, text: `only GET ${READINESS_PATH} and ${LIVENESS_PATH}\n` };
    return ready ? { status: 200, text: 'ready\n' } : { status: 503, text: 'draining\n' };
  };
  const open = await openHttp(address, port, answer, given);
  return Object.assign(open, {
    fail() {
      ready = false;
    },
  });
}
