export type Refusal = {
  readonly tried: string // what was asked for: "start the local stack"
  readonly missing: string // what stood in the way
  readonly fix: string // what the reader can do about it
}

/** Thrown when a stack cannot be had. The message holds all three parts of the refusal. */
export class StackUnavailable extends Error implements Refusal {
  readonly tried: string
  readonly missing: string
  readonly fix: string

  constructor({ tried, missing, fix }: Refusal) {
    super(`cannot ${tried}: ${missing}\n  fix: ${fix}`)
    this.name = 'StackUnavailable'
    this.tried = tried
    this.missing = missing
    this.fix = fix
  }
}
