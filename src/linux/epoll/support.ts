import { accepted, loopCalls } from './calls.ts';
import { EPOLLIN, Poll } from './poll.ts';
import { openWake, wake } from './wake.ts';

/** A tag that would come out wrong if the layout of `struct epoll_event` were another. */
const TAG = 0x5157_3e9a;

/**
 * Why this system has no event loop of ours, in words; undefined where it has. It is tried out: koffi is loaded, and a
 * descriptor is waited for whose tag has to come back.
 */
export function whyNoEpoll(): string | undefined {
  if (process.platform !== 'linux') return `epoll is Linux's, and this is ${process.platform}`;
  try {
    return tried() ? undefined : `struct epoll_event is laid out in a way that is not known (${process.arch})`;
  } catch (error) {
    return (error as Error).message;
  }
}

function tried(): boolean {
  const poll = new Poll(2);
  const fd = openWake();
  try {
    accepted('epoll_ctl', poll.add(fd, EPOLLIN, TAG));
    wake(fd);
    return poll.wait(0) === 1 && poll.tag(0) === TAG && (poll.flags(0) & EPOLLIN) !== 0;
  } finally {
    loopCalls().close(fd);
    poll.close();
  }
}
