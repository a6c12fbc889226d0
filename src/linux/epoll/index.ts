export { EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE } from './calls.ts';
export { duplicate } from './duplicate.ts';
export { Memory } from './memory.ts';
export { type Pipe, Pipes } from './pipe.ts';
export { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, Poll, STREAM_EVENTS } from './poll.ts';
export { type Leaving, Streams } from './stream.ts';
export { whyNoEpoll } from './support.ts';
export { openWake, takeWake, wake } from './wake.ts';
