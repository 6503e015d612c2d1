import type { Reach } from './member.ts'

/**
 * For fault tests only: `name:n` ends this process at the n-th time the named point is reached, as kill -9 would;
 * `name:n:freeze` stops it there as SIGSTOP would, until somebody sends SIGCONT. Null where nothing is asked for.
 */
export function failPoint(text: string): Reach | null {
  if (text === '') return null
  const [name, nth, how = 'kill'] = text.split(':')
  let left = Number(nth)
  return point => {
    if (point === name && --left === 0) process.kill(process.pid, how === 'freeze' ? 'SIGSTOP' : 'SIGKILL')
  }
}
